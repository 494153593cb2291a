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
