// The bytes of the ledger file: records that are complete, torn or damaged, and never mistaken for one another.
// Pure but for the checksum; reads and writes nothing.
//
//   record  = LF header TAB payload TAB
//   header  = payload length, CRC-32 of the payload, CRC-32 of the 16 digits before: 8 lower-case hex digits each
//   payload = JSON, which never contains a raw control character
//
// A record takes effect as soon as its payload is complete; the last TAB only closes it. A record that ends
// early, at the end of the file or where the next LF stands, is torn: its writer died or ran out of room and
// never acknowledged it. With these control characters around header and payload no change of a single byte
// makes a complete record look torn: what would be its rest can't be the beginning of another record.
import { crc32 } from 'node:zlib';
import { ledgerLimits } from './limits.ts';

const lineFeed = 0x0a;
const tab = 0x09;
const headerDigits = 24;
/** LF, header and TAB. */
const leadBytes = 1 + headerDigits + 1;

/** A complete record that was changed after it was written. */
export class DamagedRecord extends Error {
  readonly offset: number;

  constructor(offset: number, reason: string) {
    super(reason);
    this.name = 'DamagedRecord';
    this.offset = offset;
  }
}

export interface LedgerRecord {
  readonly payload: string;
  /** Where it begins in the file, in bytes. */
  readonly offset: number;
}

const hex = (value: number): string => value.toString(16).padStart(8, '0');

/** The bytes of one record. They must reach the file with one write. */
export function encodeRecord(payload: string): Buffer {
  const body = Buffer.from(payload);
  if (body.length > ledgerLimits.transactionBytesMax) throw new Error('ledger: record over its limit');
  const checked = hex(body.length) + hex(crc32(body));
  return Buffer.concat([Buffer.from(`\n${checked}${hex(crc32(checked))}\t`), body, Buffer.from('\t')]);
}

/** Whether a write that ended after `written` of a record's `bytes` left a record that takes effect. */
export function takesEffect(bytes: number, written: number): boolean {
  return written >= bytes - 1;
}

/** Takes the file's bytes in order, in pieces of any size, and gives back the records in them. */
export class RecordReader {
  #bytes = Buffer.alloc(0);
  #offset = 0;
  #closingTabDue = false;

  /** How many bytes were taken, in complete records or not. */
  get bytesTaken(): number {
    return this.#offset + this.#bytes.length;
  }

  push(bytes: Uint8Array): void {
    this.#bytes = this.#bytes.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#bytes, bytes]);
  }

  /**
   * The next complete record, or `undefined` until more bytes come. Torn records are passed over once it is
   * certain that nothing will complete them.
   *
   * @throws {DamagedRecord} which the reader can't get past.
   */
  next(): LedgerRecord | undefined {
    for (;;) {
      this.#passClosingTab();
      if (this.#bytes.length === 0) return undefined;
      if (this.#bytes[0] !== lineFeed) this.#damaged('no record begins where one should');
      const end = this.#bytes.indexOf(lineFeed, 1);
      const line = end === -1 ? this.#bytes : this.#bytes.subarray(0, end);
      const payload = this.#payloadOf(line);
      if (payload !== undefined) {
        const offset = this.#offset;
        this.#consume(leadBytes + payload.length);
        this.#closingTabDue = true;
        return { payload: payload.toString(), offset };
      }
      if (end === -1) return undefined; // torn, or still being written: the next line feed will tell
      this.#consume(end);
    }
  }

  /** The payload of a line, or `undefined` if the line is the beginning of a record and no more. */
  #payloadOf(line: Buffer): Buffer | undefined {
    const digits = line.toString('latin1', 1, Math.min(line.length, 1 + headerDigits));
    if (!/^[0-9a-f]*$/.test(digits)) this.#damaged('its header is not one');
    if (line.length >= leadBytes && line[leadBytes - 1] !== tab) this.#damaged('its header does not end');
    if (digits.length < headerDigits) return undefined;

    const checked = digits.slice(0, 16);
    if (hex(crc32(checked)) !== digits.slice(16)) this.#damaged('its header fails its checksum');
    const length = Number.parseInt(checked.slice(0, 8), 16);
    if (length > ledgerLimits.transactionBytesMax)
      this.#damaged('its header promises more than a record may hold');

    const body = line.subarray(leadBytes);
    if (body.length < length) {
      if (body.some((byte) => byte < 0x20)) this.#damaged('it runs into another record');
      return undefined;
    }
    const payload = body.subarray(0, length);
    if (hex(crc32(payload)) !== checked.slice(8)) this.#damaged('its content fails its checksum');
    return payload;
  }

  #passClosingTab(): void {
    if (!this.#closingTabDue || this.#bytes.length === 0) return;
    this.#closingTabDue = false;
    if (this.#bytes[0] === tab) this.#consume(1);
  }

  #consume(count: number): void {
    this.#bytes = this.#bytes.subarray(count);
    this.#offset += count;
  }

  #damaged(reason: string): never {
    throw new DamagedRecord(this.#offset, reason);
  }
}
