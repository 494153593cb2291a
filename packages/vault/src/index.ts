// Public face of the vault: the port, the manifest, the errors, and the vault in a directory.
export {
  type EpochName,
  type Progress,
  type ProgressCallback,
  type ReadMember,
  type StoredMember,
  type Vault,
  type VaultCall,
  type VaultProblem,
  type WriteMember,
} from './vault.ts';
export { type JsonValue, type Manifest, type ManifestMember, type StoredFile } from './manifest.ts';
export {
  VaultAbortedError,
  VaultAlreadyPublishedError,
  VaultAlreadyStoredError,
  VaultCorruptError,
  VaultFullError,
  VaultIncompleteError,
  VaultInvalidError,
  VaultNewerVersionError,
  VaultSourceError,
  VaultTargetError,
  VaultUnavailableError,
  VaultUnknownEpochError,
  VaultUnknownMemberError,
} from './errors.ts';
export { openDirectoryVault, type DirectoryVaultOptions } from './directory-vault.ts';
export { vaultLimits } from './limits.ts';
