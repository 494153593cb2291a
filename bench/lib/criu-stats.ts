// CRIU's own account of a dump, from its stats-dump image (stats.proto). Pure.

/** Magic numbers of the file, 4 bytes each, and the length of its one entry. */
const headBytes = 12;
/** Field numbers of stats.proto. */
const dumpEntryField = 1;
const freezingTimeField = 1;
const frozenTimeField = 2;

/** How long the tasks stood still: while they were being seized, and from then on. */
export function frozenMs(image: Uint8Array): number {
  const entry = fieldsOf(fieldsOf(image.subarray(headBytes)).bytes.get(dumpEntryField) ?? new Uint8Array());
  const freezing = entry.numbers.get(freezingTimeField);
  const frozen = entry.numbers.get(frozenTimeField);
  if (freezing === undefined || frozen === undefined)
    throw new Error('no times of a dump are in the statistics');
  return (freezing + frozen) / 1000;
}

interface Fields {
  readonly numbers: ReadonlyMap<number, number>;
  readonly bytes: ReadonlyMap<number, Uint8Array>;
}

/** The varints and the length-delimited fields of one protobuf message; it has no others. */
function fieldsOf(message: Uint8Array): Fields {
  const numbers = new Map<number, number>();
  const bytes = new Map<number, Uint8Array>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at];
      if (byte === undefined) throw new Error('the statistics end in the middle of a number');
      at += 1;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    const value = varint();
    if (tag % 8 === 0) numbers.set(field, value);
    else if (tag % 8 === 2) {
      bytes.set(field, message.subarray(at, at + value));
      at += value;
    } else throw new Error(`field ${field} of the statistics has an unknown type`);
  }
  return { numbers, bytes };
}
