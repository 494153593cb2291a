// Keeps an eye on the gang while something is waited for: the live table, and whether it still trains.
import { setTimeout as delay } from 'node:timers/promises';
import type { RunResult } from '@stillpoint/coordinator';
import { formatMs } from '../format/units.ts';
import { DemoOffScript } from './errors.ts';
import { limits } from './limits.ts';
import { renderRanks } from './live-table.ts';
import type { Stage } from './stage.ts';
import type { RankProgress, Training } from './training.ts';

/** What was seen of each rank; undefined for one that has finished no step since it was started or restored. */
export type Seen = readonly (RankProgress | undefined)[];

export class Watch {
  /** Where the ranks are. */
  placement: RunResult['placement'] = [];
  readonly #stage: Stage;
  readonly #training: Training;

  constructor(stage: Stage, training: Training) {
    this.#stage = stage;
    this.#training = training;
  }

  /** Draws the table until what is looked for is there. @throws `SP_DEMO_OFF_SCRIPT` when its time is over */
  async until<Found>(
    state: string,
    deadlineMs: number,
    what: string,
    look: (ranks: Seen) => Promise<Found | undefined> | Found | undefined,
  ): Promise<Found> {
    const { plan, teller, signal } = this.#stage;
    const end = performance.now() + deadlineMs;
    let shown: Seen = [];
    try {
      for (;;) {
        const ranks = await this.#training.progress();
        shown = this.placement.map((_, index) => ranks[index] ?? shown[index]);
        const rows = this.placement.map(({ member, node, ipv4 }, index) => ({
          rank: member,
          node,
          address: ipv4,
          progress: shown[index],
        }));
        teller.live(renderRanks(rows, plan.steps, state));
        const found = await look(ranks);
        if (found !== undefined) return found;
        await this.#requireAlive();
        if (performance.now() > end)
          throw new DemoOffScript(`waited ${formatMs(deadlineMs)} in vain for ${what}`);
        await delay(limits.pollMs, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    } finally {
      teller.live([]);
    }
  }

  async #requireAlive(): Promise<void> {
    const { plan, client, signal } = this.#stage;
    const gang = (await client.listGangs({ signal })).find(({ name }) => name === plan.gang);
    if (gang?.state !== 'failed' && gang?.state !== 'stopped') return;
    const complaint = await this.#training.complaint();
    throw new DemoOffScript(
      `the gang is ${gang.state}${because(gang.reason)}${complaint === undefined ? '' : ` (${complaint})`}`,
    );
  }
}

export const because = (reason: string | undefined): string => (reason === undefined ? '' : `: ${reason}`);
