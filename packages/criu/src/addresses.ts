// IP addresses as CRIU's images have them (words of four bytes) and as people write them, and the
// gang-wide map from old to new ones. Pure.
import ipaddr from 'ipaddr.js';
import { AddressMapError } from './errors.ts';

/** What an address is to a socket that is about to be restored elsewhere. */
export type AddressKind = 'wildcard' | 'loopback' | 'mapped' | 'outside';

/** A checked map from old to new addresses, by their bytes in text form. */
export interface AddressMap {
  readonly entries: ReadonlyMap<string, Uint8Array>;
}

/**
 * Checks an old→new map of addresses in text form. An IPv4 entry holds for IPv4-mapped IPv6 sockets too.
 * @throws AddressMapError for what is no address, for a change of family, and for two new addresses of one
 */
export function compileAddressMap(addresses: ReadonlyMap<string, string>): AddressMap {
  const entries = new Map<string, Uint8Array>();
  for (const [oldText, newText] of addresses) {
    const oldBytes = parseAddress(oldText);
    const newBytes = parseAddress(newText);
    if (oldBytes.length !== newBytes.length) {
      throw new AddressMapError(`${oldText} and ${newText} are of different families`);
    }
    const key = formatAddress(oldBytes);
    const other = entries.get(key);
    if (other !== undefined && formatAddress(other) !== formatAddress(newBytes)) {
      throw new AddressMapError(`${oldText} is to become both ${formatAddress(other)} and ${newText}`);
    }
    entries.set(key, newBytes);
  }
  return { entries };
}

/** Tells what the address in an image's words is. `words` has one word (IPv4) or four (IPv6). */
export function classifyAddress(map: AddressMap, words: readonly number[]): AddressKind {
  const bytes = plainBytes(words);
  if (bytes.every((byte) => byte === 0)) return 'wildcard';
  if (map.entries.has(formatAddress(bytes))) return 'mapped';
  return ipaddr.fromByteArray([...bytes]).range() === 'loopback' ? 'loopback' : 'outside';
}

/** The new words for `words`, or undefined when the map says nothing of that address. */
export function translateAddress(map: AddressMap, words: readonly number[]): number[] | undefined {
  const bytes = plainBytes(words);
  const translated = map.entries.get(formatAddress(bytes));
  if (translated === undefined) return undefined;
  const isMapped = words.length === 4 && bytes.length === 4;
  return wordsOf(isMapped ? Uint8Array.from([...mappedPrefix, ...translated]) : translated);
}

/** Text of the address in an image's words: RFC 5952 for IPv6, and an IPv4-mapped one as plain IPv4. */
export function addressText(words: readonly number[]): string {
  return formatAddress(plainBytes(words));
}

const mappedPrefix = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** Zones, and the old IPv4-compatible form `::1.2.3.4`, which ipaddr.js takes for an IPv4-mapped one. */
const unusable = /%|^(?!::ffff:).*\./i;

function parseAddress(text: string): Uint8Array {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return Uint8Array.from(ipaddr.IPv4.parse(text).toByteArray());
  if (unusable.test(text) || !ipaddr.IPv6.isValid(text)) throw new AddressMapError(`${text} is no address`);
  return plain(Uint8Array.from(ipaddr.IPv6.parse(text).toByteArray()));
}

function formatAddress(bytes: Uint8Array): string {
  const address = ipaddr.fromByteArray([...bytes]);
  return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString();
}

/** The bytes of an address in words, an IPv4-mapped one as its four IPv4 bytes. */
function plainBytes(words: readonly number[]): Uint8Array {
  return plain(
    Uint8Array.from(words.flatMap((word) => [0, 8, 16, 24].map((shift) => (word >>> shift) & 0xff))),
  );
}

function plain(bytes: Uint8Array): Uint8Array {
  const isMapped = bytes.length === 16 && mappedPrefix.every((byte, index) => bytes[index] === byte);
  return isMapped ? bytes.subarray(12) : bytes;
}

function wordsOf(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 4 }, (_, index) => view.getUint32(index * 4, true));
}
