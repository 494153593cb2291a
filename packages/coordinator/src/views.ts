// What the API shows of gangs and epochs, from what the coordinator knows. Reads only.
import type { EpochInfo, GangDetail, GangSummary, MemberInfo, Timeline } from './api.ts';
import type { Gang } from './gang.ts';
import { limits } from './limits.ts';
import type { Nodes } from './nodes.ts';
import type { StoredEpoch } from './stored-gang.ts';
import { UnknownEpoch } from './verb-errors.ts';

/** @throws `SP_UNKNOWN_EPOCH` */
export function findEpoch(gang: Gang, epoch: number): StoredEpoch {
  const found = gang.epochs.find((each) => each.epoch === epoch);
  if (found === undefined) throw new UnknownEpoch(gang.name, epoch);
  return found;
}

/** @throws `SP_UNKNOWN_EPOCH` */
export function epochInfo(gang: Gang, number: number): EpochInfo {
  const stored = findEpoch(gang, number);
  const { opened, closed } = stored;
  const run = gang.epochRun?.epoch === number ? gang.epochRun : undefined;
  return {
    epoch: number,
    incarnation: opened.header.incarnation,
    outcome: opened.outcome,
    trigger: opened.trigger,
    state: stateOf(stored),
    ...(run === undefined ? {} : { phase: run.phase }),
    ...(closed?.reason === undefined ? {} : { reason: closed.reason }),
    startedAtMs: opened.startedAtMs,
    ...(closed === undefined ? {} : { finishedAtMs: closed.finishedAtMs }),
    ...(closed?.stallMs === undefined ? {} : { stallMs: closed.stallMs }),
    ...(closed?.bytes === undefined ? {} : { bytes: closed.bytes }),
  };
}

function stateOf({ closed, decision, isRemoved }: StoredEpoch): EpochInfo['state'] {
  if (isRemoved) return 'removed';
  if (closed === undefined) return decision === 'commit' ? 'committed' : 'open';
  return closed.result === 'committed-stopped' ? 'committed' : closed.result;
}

/** @throws `SP_UNKNOWN_EPOCH` */
export function timeline(gang: Gang, number: number): Timeline {
  const { opened, closed } = findEpoch(gang, number);
  return {
    ...epochInfo(gang, number),
    members: opened.members,
    spans: closed?.spans ?? [],
    hooks: closed?.hooks ?? [],
    phases: closed?.phases ?? [],
    ...(closed?.decision === undefined ? {} : { decision: closed.decision }),
  };
}

export function gangSummary(gang: Gang): GangSummary {
  const { record, current, epochRun } = gang;
  const { ending } = current ?? {};
  const lastPublished = gang.published().at(-1);
  const isOver = ending !== undefined && !gang.isRunning;
  return {
    name: gang.name,
    state: gang.state,
    ...(isOver && ending.reason !== undefined ? { reason: ending.reason } : {}),
    ...(isOver ? { exitCode: ending.exitCode } : {}),
    ranks: record.ranks,
    nodes: [...new Set(current?.opened.placement.map(({ node }) => node))],
    incarnation: current?.incarnation ?? 0,
    ...(current?.opened.from === undefined ? {} : { restoredFrom: current.opened.from.epoch }),
    createdAtMs: record.createdAtMs,
    command: record.command,
    ...(record.everyMs === undefined ? {} : { everyMs: record.everyMs }),
    ...(record.keep === undefined ? {} : { keep: record.keep }),
    ...(epochRun === undefined ? {} : { openEpoch: { epoch: epochRun.epoch, phase: epochRun.phase } }),
    ...(lastPublished === undefined ? {} : { lastPublishedEpoch: lastPublished }),
  };
}

/** What nodes last said of the members is in it: refresh them first. */
export function gangDetail(gang: Gang, nodes: Nodes): GangDetail {
  const { record } = gang;
  return {
    ...gangSummary(gang),
    cwd: record.cwd,
    outside: record.outside,
    files: record.files,
    hooks: (record.hooks ?? []).map(({ name, when, phase }) => ({ name, when, phase })),
    members: memberInfos(gang, nodes),
    epochs: gang.epochs.slice(-limits.shownEpochs).map(({ epoch }) => epochInfo(gang, epoch)),
  };
}

function memberInfos(gang: Gang, nodes: Nodes): MemberInfo[] {
  const { current } = gang;
  if (current === undefined) return [];
  return current.opened.placement.map(({ member, node, ipv4, ipv6 }) => {
    const report = nodes.find(node)?.report;
    const status = report?.members.find(
      (each) => each.gang === gang.name && each.incarnation === current.incarnation && each.member === member,
    );
    const exitCode = status?.exitCode ?? gang.ends.get(member)?.exitCode;
    const state = status?.state ?? (gang.isDead || report !== undefined ? 'gone' : 'unknown');
    return {
      member,
      node,
      ipv4,
      ipv6,
      state,
      ...(exitCode === undefined ? {} : { exitCode }),
      processes: status?.processes ?? 0,
      residentBytes: status?.residentBytes ?? 0,
    };
  });
}
