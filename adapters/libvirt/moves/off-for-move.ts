/**
 * Whether a guest that is off is off because a cold move shut it down: only that move may start it
 * again. Somebody else may have had it since, another move or its owner.
 */

import { startDomain, type Domain } from '../calls/domain.ts';
import { isOff, statusOf } from '../domain-status.ts';
import { noteOf, noteUpAgain } from './note.ts';

/** Then the move goes on from there. */
export async function isOffForMove(domain: Domain, move: string): Promise<boolean> {
  return isOff(await statusOf(domain)) && (await isAskedOff(domain, move));
}

/** The move has asked it to shut down, and nobody has taken that back. */
export async function isAskedOff(domain: Domain, move: string): Promise<boolean> {
  const note = await noteOf(domain);
  return note?.move === move && note.askedOff;
}

/**
 * For a guest that was off since it was asked, or does not go off any more: where it runs by now,
 * somebody else has started it. First the start, then the note: who dies in between has a guest
 * that runs, and that is looked after for a while in vain (going-down.ts).
 */
export async function startIfOffForMove(domain: Domain, move: string): Promise<void> {
  if (!(await isAskedOff(domain, move))) return;
  if (isOff(await statusOf(domain))) await startDomain(domain);
  await noteUpAgain(domain, move);
}
