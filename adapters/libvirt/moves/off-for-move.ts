/**
 * Whether a guest that is off is off because a cold move shut it down: only that move may start it
 * again. Somebody else may have had it since, another move or its owner.
 */

import { startDomain, type Domain } from '../calls/domain.ts';
import { isOff, statusOf } from '../domain-status.ts';
import { noteOf } from './note.ts';

/** Then the move goes on from there. */
export async function isOffForMove(domain: Domain, move: string): Promise<boolean> {
  return isOff(await statusOf(domain)) && (await isAskedOff(domain, move));
}

/** The move has asked it to shut down, and nobody has taken that back. */
export async function isAskedOff(domain: Domain, move: string): Promise<boolean> {
  const note = await noteOf(domain);
  return note?.move === move && note.askedOff;
}

export async function startIfOffForMove(domain: Domain, move: string): Promise<void> {
  if (await isOffForMove(domain, move)) await startDomain(domain);
}
