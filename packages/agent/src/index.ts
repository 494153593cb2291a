// Public face of the agent: what starts one, and what a coordinator on the same machine needs of virtual nodes.
export { openLog } from './agent-log.ts';
export { type HomePaths, homePaths, logFolder, nodeRuntime, nodeSocket, serviceMark } from './paths.ts';
export {
  cleanLeftovers,
  createVirtualNode,
  killVirtualNode,
  startAgent,
  type VirtualNode,
} from './virtual-node.ts';
export { type StagingInUse, sweepStaging } from './staging.ts';
export { findFreezer, type FreezerVersion } from './freezer.ts';
export { installedCriu } from './tools.ts';
export {
  applyFilePlan,
  FileChanged,
  type FilePlan,
  isPrunable,
  planFileRollback,
  sweepTails,
  type UndoRecord,
} from './files/index.ts';
export { hidingFolder } from './private-folders.ts';
export { gangHosts, memberHostname } from './hosts.ts';
export { ledgerDecisions, ledgerOutcomes } from './ledger-words.ts';
export type * from './ports.ts';
export type { SlotOwner } from './sandbox-record.ts';
