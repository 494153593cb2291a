// Epochs as text: the list, and one in a sentence. No IO.
import type { EpochInfo } from '@stillpoint/coordinator';
import type { Look } from '../terminal.ts';
import { colorState } from './states.ts';
import { renderTable } from './table.ts';
import { formatWhen } from './time.ts';
import { formatBytes, formatMs, formatRatio } from './units.ts';

/** `stillpoint epochs`: the table, and below it why those that failed did. */
export function formatEpochs(epochs: readonly EpochInfo[], nowMs: number, look: Look): string {
  const table = renderTable(
    [
      { title: 'EPOCH', align: 'right' },
      { title: 'WHEN' },
      { title: 'WHY' },
      { title: 'STATE' },
      { title: 'STALL', align: 'right' },
      { title: 'RAW', align: 'right' },
      { title: 'STORED', align: 'right' },
      { title: 'RATIO', align: 'right' },
    ],
    epochs.map((epoch) => [
      String(epoch.epoch),
      formatWhen(epoch.startedAtMs, nowMs),
      why(epoch),
      stateOf(epoch, look),
      epoch.stallMs === undefined ? '-' : formatMs(epoch.stallMs),
      epoch.bytes === undefined ? '-' : formatBytes(epoch.bytes.raw),
      epoch.bytes?.stored === undefined ? '-' : formatBytes(epoch.bytes.stored),
      epoch.bytes?.stored === undefined ? '-' : formatRatio(epoch.bytes.raw, epoch.bytes.stored),
    ]),
    look,
  );
  const reasons = epochs.flatMap(({ epoch, state, reason }) =>
    reason === undefined ? [] : [`${look.colors.dim(`epoch ${epoch} ${state}:`)} ${reason}`],
  );
  return [table, ...(reasons.length === 0 ? [] : ['', ...reasons])].join('\n');
}

function why(epoch: EpochInfo): string {
  return epoch.outcome === 'stop' ? `${epoch.trigger}, stop` : epoch.trigger;
}

function stateOf(epoch: EpochInfo, look: Look): string {
  const state = colorState(epoch.state, look.colors);
  return epoch.phase === undefined ? state : `${state} (${epoch.phase})`;
}

/** `stall 182 ms, 390 MB -> 92 MB (4.2:1)`: what an epoch cost, as far as it is known; may be empty. */
export function formatCost(epoch: EpochInfo, look: Look): string {
  const parts = epoch.stallMs === undefined ? [] : [`stall ${formatMs(epoch.stallMs)}`];
  if (epoch.bytes !== undefined) {
    const { raw, stored } = epoch.bytes;
    const arrow = look.unicode ? '→' : '->';
    const into = stored === undefined ? '' : ` ${arrow} ${formatBytes(stored)} (${formatRatio(raw, stored)})`;
    parts.push(`${formatBytes(raw)}${into}`);
  }
  return parts.join(', ');
}
