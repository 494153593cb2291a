// The verbs of the API, put together from the coordinator's parts.
import { StillpointError } from '@stillpoint/protocol';
import type { DrainResult, GangDetail, GangLogs, NodeInfo, VerifyResult, WaitResult } from './api.ts';
import type { Coordinator } from './coordinator.ts';
import { stoppedExitCode } from './endings.ts';
import { GaveUp } from './errors.ts';
import type { Gang } from './gang.ts';
import { logSegments } from './log-segments.ts';
import type { ManagedNode } from './node.ts';
import type { NodeEvidence } from './platform.ts';
import type { NodeRecord } from './records.ts';
import type { VerbContext } from './stream.ts';
import { EpochInUse, EpochNotPublished, EpochUnpublished, GangRunning, GangsRunning } from './verb-errors.ts';
import { epochInfo, findEpoch, gangDetail } from './views.ts';

export async function showGang({ context }: Coordinator, gang: Gang): Promise<GangDetail> {
  const nodes = new Set(gang.current?.opened.placement.map(({ node }) => node));
  await refresh([...nodes].map((name) => context.nodes.find(name)));
  return gangDetail(gang, context.nodes);
}

/** Asks nodes what they find. One that does not answer is shown with what it said last. */
async function refresh(nodes: readonly (ManagedNode | undefined)[]): Promise<void> {
  const ready = nodes.filter((node) => node !== undefined).filter((node) => node.isReady);
  await Promise.all(ready.map((node) => node.refresh().catch(() => undefined)));
}

/** Ends the gang, whatever else is under way with it. */
export async function stopGang(
  { context, endings, moves }: Coordinator,
  gang: Gang,
  verb: VerbContext,
): Promise<void> {
  if (gang.operation !== 'stop') await gang.interrupt('the gang is stopped');
  await gang.operate('stop', verb.signal, async () => {
    gang.epochRun?.abort('the gang is stopped');
    await moves.cancel(gang);
    if (gang.isDead) return;
    verb.report({ phase: 'stop', message: 'killing its members' });
    const reason = 'stopped by an operator';
    const atMs = context.clock.wallMs();
    await endings.end(gang, { state: 'stopped', reason, exitCode: stoppedExitCode, atMs });
  });
}

/** Waits until the gang has ended and nobody is about to bring it back. */
export async function waitForEnd(gang: Gang, { signal }: VerbContext): Promise<WaitResult> {
  const isOver = (): true | undefined =>
    gang.isDead &&
    gang.current?.ending !== undefined &&
    gang.operation === undefined &&
    gang.move === undefined
      ? true
      : undefined;
  await gang.changes.until(isOver, { signal });
  const { ending } = gang.current ?? {};
  if (ending === undefined) throw new Error(`${gang.name} has ended without a word`);
  const { state, exitCode, reason } = ending;
  return { state, exitCode, ...(reason === undefined ? {} : { reason }) };
}

/** @throws `SP_GANGS_RUNNING`, `SP_EPOCH_UNPUBLISHED` when something would be lost with the nodes */
export function requireNothingOnNodes({ context }: Coordinator): void {
  const gangs = context.gangs.list();
  const alive = gangs.filter((gang) => !gang.isDead || gang.operation !== undefined);
  if (alive.length > 0) throw new GangsRunning(alive.map(({ name }) => name));
  for (const gang of gangs) {
    const epoch = gang.unpublished();
    if (epoch !== undefined) throw new EpochUnpublished(gang.name, epoch);
  }
}

export function gangLogs({ context }: Coordinator, gang: Gang): GangLogs {
  const { platform } = context;
  // an attempt that was given up has written nothing that belongs to the gang
  const current = gang.incarnations.findLast(({ outcome }) => outcome === 'go') ?? gang.current;
  const incarnation = current?.incarnation ?? 0;
  const logged = gang.incarnations.map(({ incarnation: number, opened: { from } }) => ({
    incarnation: number,
    ...(from === undefined ? {} : { from: { incarnation: from.incarnation, cut: from.cut } }),
  }));
  const paths = (number: number, member: number) => platform.logFiles(gang.name, number, member);
  const ranks =
    current === undefined ? [] : logSegments(gang.record.ranks, incarnation, logged, paths, !gang.isDead);
  return { state: gang.state, incarnation, ranks };
}

export async function verifyEpoch(
  { context }: Coordinator,
  gang: Gang,
  epoch: number,
  { signal, report }: VerbContext,
): Promise<VerifyResult> {
  requirePublished(gang, epoch);
  return gang.withPinned(epoch, async () => {
    let bytes = 0;
    const problems = await context.vault.verify(gang.name, epoch, {
      signal,
      onProgress: ({ bytesDone: done, bytesTotal: total }) => {
        bytes = total;
        report({ phase: 'verify', message: `verifying epoch ${epoch}`, epoch, done, total, unit: 'bytes' });
      },
    });
    const files = problems.some(({ kind }) => kind === 'manifest')
      ? 0
      : (await context.vault.readManifest(gang.name, epoch)).members.reduce(
          (sum, { files: own }) => sum + own.length,
          0,
        );
    return {
      epoch,
      files,
      bytes,
      problems: problems.map(({ member, file, message }) => ({
        file: [member, file].filter((part) => part !== undefined).join('/'),
        problem: message,
      })),
    };
  });
}

export async function removeEpoch({ retention }: Coordinator, gang: Gang, epoch: number): Promise<void> {
  const { state } = epochInfo(gang, epoch);
  // older ones may go: that makes the room which a move waits for
  const isMoved =
    gang.move !== undefined && findEpoch(gang, epoch).opened.startedAtMs >= gang.move.startedAtMs;
  if (gang.inUse().has(epoch) || isMoved) throw new EpochInUse(gang.name, epoch);
  if (state === 'removed' || state === 'open') throw new EpochNotPublished(gang.name, epoch, state);
  await retention.remove(gang, epoch);
}

/** Forgets a gang that has ended: its epochs first, so that one that is half removed can be removed again. */
export async function removeGang({ context, retention, periodic }: Coordinator, gang: Gang): Promise<void> {
  if (!gang.isDead || gang.operation !== undefined) throw new GangRunning(gang.name);
  if (gang.epochRun !== undefined) throw new EpochInUse(gang.name, gang.epochRun.epoch);
  const [pinned] = gang.inUse();
  if (pinned !== undefined) throw new EpochInUse(gang.name, pinned);
  await gang.operate('rm', context.closing, async () => {
    for (const epoch of await context.vault.list(gang.name)) await retention.remove(gang, epoch);
    await context.store.removeGang(gang.name);
    await context.platform.removeGangFiles(gang.name);
    periodic.unwatch(gang);
    context.gangs.remove(gang.name);
  });
}

export async function listNodes({ context }: Coordinator): Promise<NodeInfo[]> {
  const records = context.nodes.list();
  await refresh(records.map(({ name }) => context.nodes.find(name)));
  return records.map((record) => nodeInfo(context, record));
}

export async function addNode(
  { context }: Coordinator,
  request: { readonly name: string; readonly monotonicOffsetSeconds?: number | undefined },
): Promise<NodeInfo> {
  const { name, monotonicOffsetSeconds: offset } = request;
  const record = await context.nodes.add({
    name,
    ...(offset === undefined ? {} : { monotonicOffsetSeconds: offset }),
  });
  return nodeInfo(context, record);
}

function nodeInfo({ nodes, gangs }: Coordinator['context'], record: NodeRecord): NodeInfo {
  const report = nodes.find(record.name)?.report;
  const ready = report === undefined ? 'down' : 'ready';
  const { name, index, schedulable, monotonicOffsetSeconds } = record;
  return {
    name,
    index,
    state: record.state === 'present' ? ready : 'killed',
    schedulable: schedulable && record.state === 'present',
    monotonicOffsetSeconds,
    ...(report === undefined
      ? {}
      : {
          agentPid: report.agentPid,
          memoryAvailableBytes: report.memoryAvailableBytes,
          stagingFreeBytes: report.stagingFreeBytes,
        }),
    members: gangs.membersOn(name).map(({ gang, member }) => ({ gang: gang.name, member })),
  };
}

/** Takes a node out of use, and moves every gang that runs on it away. Tries all, and tells of the first that failed. */
export async function drainNode(
  { context, moves }: Coordinator,
  node: string,
  verb: VerbContext,
): Promise<DrainResult> {
  await context.nodes.cordon(node);
  const gangs = [...new Set(context.gangs.membersOn(node).map(({ gang }) => gang))];
  const moved: string[] = [];
  let failure: unknown;
  for (const gang of gangs) {
    verb.report({ phase: 'drain', message: `moving ${gang.name} away`, node });
    try {
      await moves.migrate(gang, node, undefined, 'drain', verb);
      moved.push(gang.name);
    } catch (error) {
      failure ??= error;
      verb.report({
        phase: 'drain',
        message: `${gang.name} was not moved: ${(error as Error).message}`,
        node,
      });
    }
  }
  // what has been stopped is on no node any more, but its image may be
  for (const gang of context.gangs.list()) {
    const epoch = gang.unpublishedOn(node);
    if (epoch !== undefined) failure ??= new EpochUnpublished(gang.name, epoch);
  }
  if (failure instanceof StillpointError) throw stillDrained(node, failure);
  if (failure !== undefined) throw failure;
  return { node, moved };
}

function stillDrained(node: string, failure: StillpointError): GaveUp {
  const { code, message, retryable } = failure;
  const remedy =
    `${failure.remedy} \`stillpoint node drain ${node}\` moves the rest, ` +
    `\`stillpoint node add ${node}\` takes the node into use again.`;
  const { blockers = [] } = failure instanceof GaveUp ? failure : {};
  const subject = `node ${node} is out of use now, but not every gang has moved`;
  return new GaveUp(subject, { code, message, remedy, retryable, phase: 'drain', blockers });
}

/** SIGKILL for everything on a node. Gangs with members there end as a whole. */
export async function killNode(
  { context }: Coordinator,
  node: string,
  evidence: NodeEvidence,
): Promise<void> {
  await context.nodes.kill(node, evidence);
}

function requirePublished(gang: Gang, epoch: number): void {
  const { state } = epochInfo(gang, epoch);
  if (state !== 'published') throw new EpochNotPublished(gang.name, epoch, state);
}
