// Decoding and encoding of one image entry. What it does not know of a message passes through.
import { fromBinary, isFieldSet, toBinary, type Message } from '@bufbuild/protobuf';
import type { GenMessage } from '@bufbuild/protobuf/codegenv2';
import { CriuImageError } from './errors.ts';

/** The names of a message's fields. */
export type FieldOf<T extends Message> = keyof GenMessage<T>['field'];

/**
 * Decodes an entry and checks that it has the fields that its reader relies on.
 * @throws CriuImageError when it is no such message or lacks one of `required`
 */
export function decodeEntry<T extends Message>(
  name: string,
  schema: GenMessage<T>,
  payload: Uint8Array,
  required: readonly FieldOf<T>[],
): T {
  const message = parse(name, schema, payload);
  requireFields(name, schema, message, required);
  return message;
}

/** @throws CriuImageError when `message` lacks one of `required` */
export function requireFields<T extends Message>(
  name: string,
  schema: GenMessage<T>,
  message: T,
  required: readonly FieldOf<T>[],
): void {
  for (const field of required) {
    if (!isFieldSet(message, schema.field[field])) {
      throw new CriuImageError('SP_CRIU_IMAGE_CORRUPT', name, `a ${schema.name} lacks ${field}`);
    }
  }
}

/** Encodes a changed entry: the known fields in order of number, then those that are not ours. */
export function encodeEntry<T extends Message>(schema: GenMessage<T>, message: T): Uint8Array {
  return toBinary(schema, message);
}

function parse<T extends Message>(name: string, schema: GenMessage<T>, payload: Uint8Array): T {
  try {
    return fromBinary(schema, payload);
  } catch (cause) {
    throw new CriuImageError('SP_CRIU_IMAGE_CORRUPT', name, `an entry is no ${schema.name}`, cause);
  }
}
