// How keys, values and transactions of the ledger look in etcd. Pure but for what it is given.
import type { ICompare, IKeyValue, IRequestOp, ITxnRequest } from 'etcd3';
import { canonicalText } from '../canonical.ts';
import { LedgerForeignValueError, LedgerInvalidError } from '../errors.ts';
import type { Compare, Entry, JsonValue } from '../ledger.ts';
import { ledgerLimits } from '../limits.ts';
import type { RecordedTransaction } from '../transaction.ts';

export class EtcdForm {
  readonly #ledger: string;
  readonly keyPrefix: string;

  constructor(ledger: string, keyPrefix: string) {
    this.#ledger = ledger;
    this.keyPrefix = keyPrefix;
  }

  key(key: string): Buffer {
    return Buffer.from(this.keyPrefix + key);
  }

  keyOf({ key }: IKeyValue): string {
    return key.toString().slice(this.keyPrefix.length);
  }

  /** @throws `SP_LEDGER_FOREIGN_VALUE` */
  entry(kv: IKeyValue): Entry {
    return {
      key: this.keyOf(kv),
      value: this.#value(kv),
      createRevision: Number(kv.create_revision),
      modRevision: Number(kv.mod_revision),
    };
  }

  /** When it is refused, etcd answers with what each compare's key held. */
  transaction({ compare, put, remove }: RecordedTransaction): Required<ITxnRequest> {
    const puts = put.map(({ key, value }) => ({
      request_put: { key: this.key(key), value: Buffer.from(canonicalText(value)) },
    }));
    const bytes = puts.reduce((sum, { request_put }) => sum + request_put.value.length, 0);
    if (bytes > ledgerLimits.transactionBytesMax) {
      throw new LedgerInvalidError(`a transaction over ${ledgerLimits.transactionBytesMax} bytes`);
    }
    const success: IRequestOp[] = [
      ...puts,
      ...remove.map((key) => ({ request_delete_range: { key: this.key(key) } })),
    ];
    // etcd lets a member that may be behind serve a transaction that neither reads nor writes
    const seen = this.key(compare[0]?.key ?? '');
    if (success.length === 0) success.push({ request_range: { key: seen, count_only: true } });
    return {
      compare: compare.map((each) => this.#compare(each)),
      success,
      failure: compare.map(({ key }) => ({ request_range: { key: this.key(key) } })),
    };
  }

  #compare({ key, is }: Compare): ICompare {
    const about = { key: this.key(key), result: 'Equal' } as const;
    if (is === 'absent') return { ...about, target: 'Create', create_revision: 0 };
    if (is === 'present') return { ...about, target: 'Create', result: 'Greater', create_revision: 0 };
    if ('equals' in is) return { ...about, target: 'Value', value: Buffer.from(canonicalText(is.equals)) };
    return { ...about, target: 'Mod', mod_revision: is.modRevision };
  }

  #value(kv: IKeyValue): JsonValue {
    try {
      return JSON.parse(kv.value.toString()) as JsonValue;
    } catch {
      throw new LedgerForeignValueError(this.#ledger, kv.key.toString());
    }
  }
}
