/** Ids of findings: the same subject and reason give the same id in every tick. */

import { createHash } from 'node:crypto';
import { findingId, type FindingId } from '../domain/ids.ts';

/** Ids may have 256 characters; a longer one is cut and told apart by its hash. */
const LONGEST = 240;
const HASH_CHARACTERS = 16;

export function makeFindingId(...parts: readonly string[]): FindingId {
  const text = parts.join(':');
  if (text.length <= LONGEST) return findingId(text);
  const hash = createHash('sha256').update(text).digest('hex').slice(0, HASH_CHARACTERS);
  return findingId(`${text.slice(0, LONGEST - HASH_CHARACTERS - 1)}~${hash}`);
}
