// The layout of a stored file: zstd frames of at most `chunkBytes` of content, each preceded by a skippable frame
// that holds its length, as pzstd writes them; any zstd reads it. Frames are compressed and read side by side, and
// what one may unpack to is bounded before it is unpacked. Pure.
import { vaultLimits } from './limits.ts';

/** Of the skippable frame: its magic number, its content's length, and as content the next frame's length. */
export const frameLeadBytes = 12;
const skippableMagic = 0x184d2a50;
const lengthBytes = 4;

/** What precedes a frame. */
export function frameLead(frameBytes: number): Uint8Array {
  const lead = new DataView(new ArrayBuffer(frameLeadBytes));
  lead.setUint32(0, skippableMagic, true);
  lead.setUint32(4, lengthBytes, true);
  lead.setUint32(8, frameBytes, true);
  return new Uint8Array(lead.buffer);
}

/** The length of the frame that follows, or `undefined` if nothing of ours could follow. */
export function frameBytesAfter(lead: Uint8Array): number | undefined {
  if (lead.length !== frameLeadBytes) return undefined;
  const view = new DataView(lead.buffer, lead.byteOffset, frameLeadBytes);
  const frameBytes = view.getUint32(8, true);
  const isLead = view.getUint32(0, true) === skippableMagic && view.getUint32(4, true) === lengthBytes;
  return isLead && frameBytes > 0 && frameBytes <= vaultLimits.frameBytesMax ? frameBytes : undefined;
}
