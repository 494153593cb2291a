// JSON documents that carry a format, a version and a digest of themselves, so that a change of any byte and a
// missing end are noticed. Pure: the digest is given.

/** Gives the digest of a text, in hex. */
export type Digest = (text: string) => string;

export type Unsealed =
  | { readonly kind: 'content'; readonly content: unknown }
  | { readonly kind: 'newer'; readonly version: number }
  | { readonly kind: 'damaged'; readonly reason: string };

export interface SealedFormat {
  readonly format: string;
  readonly version: number;
}

/** The document's text. `content` must be JSON. */
export function seal({ format, version }: SealedFormat, content: unknown, digest: Digest): string {
  const sha256 = digest(JSON.stringify([format, version, content]));
  return `${JSON.stringify({ format, version, sha256, content })}\n`;
}

/** What a document holds, if every byte of it is as it was written. */
export function unseal({ format, version }: SealedFormat, text: string, digest: Digest): Unsealed {
  const damaged = (reason: string): Unsealed => ({ kind: 'damaged', reason });
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return damaged('it is cut short or not JSON');
  }
  if (typeof read !== 'object' || read === null) return damaged('it is not a document of this kind');
  const document: { format?: unknown; version?: unknown; content?: unknown } = read;
  if (document.format !== format) return damaged(`it is not a ${format}`);
  if (typeof document.version === 'number' && document.version > version) {
    return { kind: 'newer', version: document.version };
  }
  if (document.content === undefined || text !== seal({ format, version }, document.content, digest)) {
    return damaged('it fails its checksum');
  }
  return { kind: 'content', content: document.content };
}
