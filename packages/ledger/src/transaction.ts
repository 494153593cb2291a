// What a transaction looks like in a record, and what a caller may ask for. Pure.
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { LedgerInvalidError } from './errors.ts';
import type { JsonValue, Transaction } from './ledger.ts';
import { ledgerLimits } from './limits.ts';

const shapeWith = (value: z.ZodType<JsonValue>) => ({
  compare: z.array(
    z.strictObject({
      key: z.string(),
      is: z.union([
        z.enum(['absent', 'present']),
        z.strictObject({ equals: value }),
        z.strictObject({ modRevision: z.int().positive() }),
      ]),
    }),
  ),
  put: z.array(z.strictObject({ key: z.string(), value })),
});

/** From a caller: nothing that JSON would drop or change. */
const callersValue = z.custom<JsonValue>(survivesJson, { error: 'not a JSON value' });
const transactionSchema = z.strictObject({
  ...shapeWith(callersValue),
  remove: z.array(z.string()).optional(),
});

/** From a record: whatever JSON.parse gave. */
const recordedValue = z.custom<JsonValue>((value) => value !== undefined);

/** A transaction as a record holds it: with the random id by which its writer finds it again. */
export const recordedTransactionSchema = z.strictObject({
  id: z.string(),
  ...shapeWith(recordedValue),
  remove: z.array(z.string()),
});
export type RecordedTransaction = z.infer<typeof recordedTransactionSchema>;

const keyPattern = /^[\x21-\x7e]+$/;

/** Throws `SP_LEDGER_INVALID` unless the key is printable ASCII without spaces, within its limit. */
export function checkKey(key: string): void {
  if (!keyPattern.test(key) || key.length > ledgerLimits.keyBytesMax) {
    throw new LedgerInvalidError(
      `not a ledger key: ${JSON.stringify(key.slice(0, 80))} (1 to ${ledgerLimits.keyBytesMax} printable ASCII characters)`,
    );
  }
}

/** Throws `SP_LEDGER_INVALID` unless the prefix is empty or could begin a key. */
export function checkPrefix(prefix: string): void {
  if (prefix !== '') checkKey(prefix);
}

/**
 * Checks a caller's transaction and gives it the form of a record's payload.
 *
 * @throws `SP_LEDGER_INVALID` for a key written twice, a value that is not JSON, or anything over a limit.
 */
export function recordTransaction(id: string, transaction: Transaction): RecordedTransaction {
  const parsed = transactionSchema.safeParse(transaction);
  if (!parsed.success) throw new LedgerInvalidError(`not a transaction: ${z.prettifyError(parsed.error)}`);
  const { compare, put, remove = [] } = parsed.data;

  const operations = compare.length + put.length + remove.length;
  if (operations > ledgerLimits.transactionOperationsMax) {
    throw new LedgerInvalidError(
      `a transaction of ${operations} operations: at most ${ledgerLimits.transactionOperationsMax} are allowed`,
    );
  }
  const written = [...put.map(({ key }) => key), ...remove];
  for (const key of [...compare.map(({ key }) => key), ...written]) checkKey(key);
  if (new Set(written).size !== written.length) {
    throw new LedgerInvalidError('a transaction writes one of its keys twice');
  }
  return { id, compare, put, remove };
}

function survivesJson(value: unknown): boolean {
  try {
    const text: string | undefined = JSON.stringify(value);
    return text !== undefined && isDeepStrictEqual(JSON.parse(text), value);
  } catch {
    return false; // a cycle or a bigint
  }
}
