/**
 * Memory of a host that no guest of its own takes: of a guest that runs elsewhere by now a broken
 * post-copy has left a part here, which takes its room until a person removes it.
 */

import type { Host } from './host.ts';
import { bytes } from './units.ts';

/** The host, with so many bytes more that no guest can have; at most all it has. */
export function withHeld<Facts extends Pick<Host, 'memory'>>(facts: Facts, held: number): Facts {
  if (held === 0) return facts;
  const { totalBytes, reservedBytes } = facts.memory;
  const reserved = bytes(Math.min(totalBytes, reservedBytes + held));
  return { ...facts, memory: { ...facts.memory, reservedBytes: reserved } };
}
