// What etcd's failures mean to a user of the ledger.
import {
  EtcdAuthenticationFailedError,
  EtcdInvalidAuthTokenError,
  EtcdPermissionDeniedError,
  GRPCUnauthenticatedError,
} from 'etcd3';
import { StillpointError } from '@stillpoint/protocol';
import {
  LedgerForbiddenError,
  LedgerFullError,
  LedgerInvalidError,
  LedgerUnavailableError,
} from '../errors.ts';

const forbidding = [
  EtcdPermissionDeniedError,
  EtcdAuthenticationFailedError,
  EtcdInvalidAuthTokenError,
  GRPCUnauthenticatedError,
];

/** The ledger's error for one of etcd's. Whatever is not known to be without effect is `SP_LEDGER_UNAVAILABLE`. */
export function ledgerError(ledger: string, what: string, error: unknown): StillpointError {
  if (error instanceof StillpointError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (
    forbidding.some((kind) => error instanceof kind) ||
    /permission denied|user name is empty/.test(message)
  ) {
    return new LedgerForbiddenError(ledger, what, error);
  }
  if (message.includes('database space exceeded')) {
    return new LedgerFullError(ledger, message, {
      remedy:
        "Compact and defragment etcd or raise its quota, then disarm its alarm ('etcdctl alarm disarm').",
      cause: error,
    });
  }
  if (/request is too large|too many operations|duplicate key/.test(message)) {
    return new LedgerInvalidError(`etcd does not take this transaction: ${message}`);
  }
  return new LedgerUnavailableError(`${ledger} did not answer '${what}': ${message}`, {
    remedy:
      'See that most of its members run and are reached, then read the key: a write may have taken effect.',
    retryable: true,
    cause: error,
  });
}

/** Whether another member may answer where this one could not, or the same one later. */
export const isUnavailable = (error: unknown): boolean =>
  error instanceof LedgerUnavailableError && error.retryable;
