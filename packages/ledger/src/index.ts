// Public face of the ledger: the port, its errors, and the store in a file. The one in etcd is `./etcd`, the contract
// suite `./testing`.
export {
  createOnce,
  type Compare,
  type Condition,
  type CreateOnceResult,
  type Entry,
  type JsonValue,
  type Ledger,
  type LedgerCall,
  type LedgerEvent,
  type Listing,
  type Put,
  type Transaction,
  type TransactionResult,
} from './ledger.ts';
export {
  LeadershipLostError,
  LedgerAtLimitError,
  LedgerCorruptError,
  LedgerForbiddenError,
  LedgerForeignValueError,
  LedgerFullError,
  LedgerInvalidError,
  LedgerNewerVersionError,
  LedgerUnavailableError,
  LedgerWatchBehindError,
} from './errors.ts';
export { openFileLedger, type FileLedgerOptions } from './file-ledger.ts';
export type { Election, Leadership } from './election.ts';
export { ledgerLimits } from './limits.ts';
