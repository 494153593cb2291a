// A ledger whose failed calls are told to somebody. It answers what the ledger answers, and as soon.
import type { Ledger } from '@stillpoint/ledger';

export function observedLedger(ledger: Ledger, onError: (error: unknown) => void): Ledger {
  // beside the caller, who gets the very promise
  const observed = <Answer>(answer: Promise<Answer>): Promise<Answer> => {
    answer.catch(onError);
    return answer;
  };
  return {
    transact: (transaction, call) => observed(ledger.transact(transaction, call)),
    get: (key, call) => observed(ledger.get(key, call)),
    list: (prefix, call) => observed(ledger.list(prefix, call)),
    watch: (prefix, callback, call) => observed(ledger.watch(prefix, callback, call)),
    close: () => ledger.close(),
  };
}
