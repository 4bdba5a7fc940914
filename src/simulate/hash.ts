/**
 * Random numbers without a state: the same question always gets the same answer, in whatever
 * order the questions come. So a load curve needs no memory and no replay.
 */

/**
 * Mixes whole numbers of 32 bits into one (the finalizer of MurmurHash3, A. Appleby, 2011). Higher
 * bits of a part are ignored.
 */
export function hashNumbers(...parts: readonly number[]): number {
  let hash = 0x9e3779b9;
  for (const part of parts) hash = mix(hash ^ part);
  return hash >>> 0;
}

/** Uniform in [0, 1), decided by `parts`. */
export function chance(...parts: readonly number[]): number {
  return hashNumbers(...parts) / 2 ** 32;
}

/** A number for a name, to be one of the parts. FNV-1a (Fowler, Noll, Vo), 32 bits. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

function mix(value: number): number {
  let mixed = value >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
