/** A small stable hash of text, for ids that are derived from content. Not for secrets. */

/**
 * 64 bits as 16 hexadecimal digits: two 32-bit FNV-1a hashes (Fowler, Noll, Vo; RFC 9923) of the
 * UTF-16 code units, the second from another offset basis. The same text gives the same digits on
 * every machine.
 */
export function textHash(text: string): string {
  return fnv1a(text, 0x811c9dc5) + fnv1a(text, 0x050c5d1f);
}

function fnv1a(text: string, offsetBasis: number): string {
  let hash = offsetBasis;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}
