// Public face of the CRIU package: its images read and rewritten, its command line, its failures explained.
export {
  AddressMapError,
  CriuFailure,
  CriuImageError,
  CriuProgramError,
  type ImageErrorCode,
} from './errors.ts';
export { limits as criuLimits } from './limits.ts';
export { connectionTable, describeImages, rewriteImages } from './directory.ts';
export type { RewriteOptions, RewriteReport } from './files-image.ts';
export type { Endpoint, InetProtocol, OutsidePolicy, OutsideSocket, TcpState } from './inet-sockets.ts';
export type { StreamState } from './tcp-stream.ts';
export type { ConnectionTable, SocketRecord, TcpConnection, TcpListener } from './connection-table.ts';
export type {
  DescriptorRecord,
  ImageBlocker,
  ImageDescription,
  ProcessRecord,
  RegularFileRecord,
  UnixSocketRecord,
} from './description.ts';
export type { FileAccess } from './regular-files.ts';
export {
  dumpArguments,
  restoreArguments,
  type DumpOptions,
  type InheritedDescriptor,
  type RestoreOptions,
  type TcpPolicy,
} from './arguments.ts';
export { freezeBeforeResumeScript, freezeDescriptors, freezeEnvironment } from './freeze-before-resume.ts';
export { explainCriuFailure, type CriuOutcome } from './failure.ts';
export { criuCheck, criuVersion, type CriuVersion } from './program.ts';
