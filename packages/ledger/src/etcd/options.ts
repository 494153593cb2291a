// How etcd is reached: the same for a ledger, an election and the set-up of roles.
import { noop } from 'cockatiel';
import { Etcd3 } from 'etcd3';
import { LedgerInvalidError } from '../errors.ts';
import { ledgerLimits } from '../limits.ts';
import { checkKey } from '../transaction.ts';

/** A client's certificate and key and the authority of etcd's certificates, as PEM. etcd knows a client by its common name. */
export interface EtcdTls {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

export interface EtcdOptions {
  /** Client URLs of the members: `https://` with `tls`, `http://` without. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls;
  /** What all keys begin with, so that others may use the same etcd; `stillpoint/` unless given. */
  readonly keyPrefix?: string;
  /** etcd's `--quota-backend-bytes`, which it does not tell; `ledgerLimits.etcdQuotaBytes` unless given. */
  readonly quotaBytes?: number;
}

/** The prefix of all keys. Throws `SP_LEDGER_INVALID` for one that could run into another's. */
export function keyPrefixOf({ keyPrefix = 'stillpoint/' }: EtcdOptions): string {
  checkKey(keyPrefix);
  if (!keyPrefix.endsWith('/'))
    throw new LedgerInvalidError(`the key prefix ${keyPrefix} does not end with '/'`);
  return keyPrefix;
}

/** For messages. */
export const nameOf = ({ endpoints }: EtcdOptions): string => `etcd at ${endpoints.join(', ')}`;

/** The range of all keys that begin so. */
export function rangeOf(prefix: string): { readonly key: Buffer; readonly range_end: Buffer } {
  const end = Buffer.from(prefix);
  const last = end.length - 1;
  end[last] = (end[last] ?? 0) + 1; // keys are ASCII: there is always a next byte
  return { key: Buffer.from(prefix), range_end: end };
}

/** A client for each member, which tries nothing twice by itself: after a lost answer only the caller knows what to do. */
export function connectMembers({ endpoints, tls }: EtcdOptions): readonly Etcd3[] {
  const scheme = tls === undefined ? 'http:' : 'https:';
  const wrong = endpoints.find(
    (endpoint) => !URL.canParse(endpoint) || new URL(endpoint).protocol !== scheme,
  );
  if (endpoints.length === 0 || wrong !== undefined) {
    throw new LedgerInvalidError(`etcd's endpoints are URLs with ${scheme}//, not '${wrong ?? ''}'`);
  }
  return endpoints.map(
    (endpoint) =>
      new Etcd3({
        hosts: [endpoint],
        faultHandling: { host: () => noop, global: noop },
        grpcOptions: {
          'grpc.max_receive_message_length': ledgerLimits.answerBytesMax,
          'grpc.initial_reconnect_backoff_ms': 100,
          'grpc.max_reconnect_backoff_ms': 1000,
        },
        ...(tls === undefined
          ? {}
          : {
              credentials: {
                rootCertificate: Buffer.from(tls.authority),
                privateKey: Buffer.from(tls.key),
                certChain: Buffer.from(tls.certificate),
              },
            }),
      }),
  );
}
