/**
 * The two ends of every move: after it arrived, the source's definition goes; after it failed, the
 * target's does. Both may be asked any number of times, and neither touches a guest that runs.
 */

import {
  autostartOf,
  defineDomain,
  destroyDomain,
  isMigratingOut,
  isPersistent,
  setAutostart,
  startDomain,
  xmlOf,
  type Domain,
} from '../calls/domain.ts';
import { DOMAIN_STATE, SHUTOFF_REASON, XML } from '../native/constants.ts';
import type { LibvirtHost } from '../host.ts';
import { isOff, sightingStateOf, statusOf, type DomainStatus } from '../domain-status.ts';
import { DONE, decline } from './answers.ts';
import { seenElsewhere } from './elsewhere.ts';
import {
  closeNote,
  closeNoteOn,
  isOfMove,
  mayHaveWritten,
  noteOf,
  ownCopies,
  takeNoteBack,
  takenBack,
} from './note.ts';
import { startIfOffForMove } from './off-for-move.ts';
import { undefineCompletely } from './undefine.ts';
import { leftoversOf, refreshPoolsOf, relocationOf, removeVolumes } from '../disks/volumes.ts';
import type { MoveNote } from '../xml/metadata.ts';
import { relocateDisks } from '../xml/relocate.ts';
import { assertNever } from '../../../src/domain/result.ts';
import type { MoveOrder, Sighting } from '../../../src/ports/hypervisor.ts';
import type { Attempt } from '../../../src/ports/metric-source.ts';

export interface Ends {
  readonly from: LibvirtHost;
  readonly to: LibvirtHost;
}

/** With who else may have the guest by now. */
export interface MoveHosts extends Ends {
  /** All other hosts of the source. */
  readonly others: readonly LibvirtHost[];
}

/** See `Hypervisor.commit`. */
export async function commitMove(
  order: MoveOrder,
  { from, to }: Ends,
  signal: AbortSignal,
): Promise<Attempt> {
  const { vm } = order;
  const arrived = await to.sight(vm, signal);
  if (arrived?.state !== 'running') {
    return decline('refused', `${vm} does not run on ${to.id}`);
  }
  const left = await from.sight(vm, signal);
  if (left !== undefined && left.state !== 'defined') {
    return decline('refused', `${vm} is still on ${from.id} (${left.state})`);
  }
  if (!arrived.persistent && left !== undefined) {
    const read = (domain: Domain): Promise<string> => arrivedDefinition(domain, order);
    const xml = await from.onDomain(vm, 'reading the definition', read, { signal });
    if (xml !== undefined) {
      await to.link.use('control', 'defining', (session) => defineDomain(session, xml), signal);
    }
  }
  // Before the source's copy goes: it may be the only one that remembers.
  await to.onDomain(vm, 'taking over autostart', takeOverAutostart, { signal });
  const undefining = (domain: Domain): Promise<void> => undefineCompletely(domain, from);
  await from.onDomain(vm, 'undefining', undefining, { signal });
  const close = (domain: Domain) => closeNoteOn(domain, vm, to);
  const copies = await to.onDomain(vm, 'removing the note', close, { signal });
  // Nobody waits for it: a pool may hang.
  void refreshPoolsOf(to, copies ?? []);
  return DONE;
}

/** The source's stored definition, with the disks where the move has copied them. */
async function arrivedDefinition(domain: Domain, { move, to }: MoveOrder): Promise<string> {
  const note = await noteOf(domain);
  const copies = isOfMove(note, move) ? ownCopies(note.copies, to) : [];
  return relocateDisks(await definitionOf(domain), copies.map(relocationOf));
}

/** The stored definition, as another libvirt version understands it, secrets included. */
export function definitionOf(domain: Domain): Promise<string> {
  return xmlOf(domain, XML.inactive | XML.secure | XML.migratable);
}

export async function takeOverAutostart(domain: Domain): Promise<void> {
  const note = await noteOf(domain);
  if (note?.autostart !== true || !(await isPersistent(domain))) return;
  if (!(await autostartOf(domain))) await setAutostart(domain, true);
}

/** See `Hypervisor.cleanUp`. */
export async function cleanUpMove(
  order: MoveOrder,
  { from, to, others }: MoveHosts,
  signal: AbortSignal,
): Promise<Attempt> {
  const { vm } = order;
  const status = await from.onDomain(vm, 'looking at the source', statusOf, { signal });
  if (status !== undefined && isMigratingOut(status.job)) {
    return decline('locked', `${vm} is still being moved`);
  }
  const kept = status === undefined ? undefined : sightingStateOf(status);
  if (order.method === 'cold') {
    const claim = (domain: Domain): Promise<void> => takeNoteBack(domain, order.move);
    await from.onDomain(vm, 'taking the move back', claim, { signal });
  }
  // After the claim: nobody else goes on with it, so what is seen now stays.
  const third = kept === 'running' ? undefined : await seenElsewhere(vm, others, signal);
  if (third !== undefined) return decline('refused', third);
  const before = await from.onDomain(vm, 'looking for a note', noteOf, { signal });
  const restore = async (note: MoveNote): Promise<void> => {
    const restoring = (domain: Domain): Promise<void> => restoreSource(domain, order, note);
    await from.onDomain(vm, 'restoring the source', restoring, { signal });
  };
  const own = isOfMove(before, order.move) ? before : undefined;
  // Before the target is asked, which may not answer: the guest has never been there.
  if (own?.target === 'untouched') await restore(own);
  const refusal =
    order.targetIsOff === true
      ? whyNotWithout(to, own)
      : await clearTarget(order, { own, kept }, { to, signal });
  if (refusal !== undefined) return decline('refused', `${vm} on ${to.id}: ${refusal}`);
  const note = await from.onDomain(vm, 'looking for a note', noteOf, { signal });
  if (note === undefined) return DONE;
  // It wrote its own over the claim, and starts the guest under that: it is claimed anew.
  if (order.method === 'cold' && note.move === order.move) {
    return decline('locked', `${vm}: the move's controller is at work on it`);
  }
  if (note.askedOff && kept === 'defined' && !isOfMove(note, order.move)) {
    return decline('refused', `${vm} is off for another move, which alone may start it`);
  }
  await restore(note);
  if (order.targetIsOff === true) return DONE;
  // The note last: without it nobody knows that they are Drover's.
  const unused = (domain: Domain) => leftoversOf(domain, note);
  const copies = (await from.onDomain(vm, 'looking at its disks', unused, { signal })) ?? [];
  const unremoved = await removeVolumes(to, copies, signal);
  if (unremoved?.isInUse === true) return decline('refused', unremoved.why);
  const elsewhere = copies.filter(({ host }) => host !== to.id);
  const left = [...(unremoved?.copies ?? []), ...elsewhere];
  const close = async (domain: Domain): Promise<void> => {
    // Another move may have come since: the note is its own then.
    if ((await noteOf(domain))?.move === note.move) await closeNote(domain, note, left);
  };
  await from.onDomain(vm, 'removing the note', close, { signal });
  return unremoved === undefined ? DONE : decline('refused', unremoved.why);
}

/** Why a guest is not started on its source while the target is off. Undefined: it may be. */
function whyNotWithout(to: LibvirtHost, own: MoveNote | undefined): string | undefined {
  const isCopied = own !== undefined && ownCopies(own.copies, to.id).length > 0;
  if (!isCopied || own.target === 'untouched') return undefined;
  return 'it is off, and may hold what the guest wrote to its new disks';
}

/** How the source stands. */
interface Kept {
  /** The note there, where it is of this move. */
  readonly own: MoveNote | undefined;
  /** What the guest does there; undefined: it is not there. */
  readonly kept: Sighting['state'] | undefined;
}

/** Undefined: nothing is there any more; else why something is. */
async function clearTarget(
  { vm, move }: MoveOrder,
  { own, kept }: Kept,
  { to, signal }: { readonly to: LibvirtHost; readonly signal: AbortSignal },
): Promise<string | undefined> {
  const judge = (state: Sighting['state']): string | undefined => whyNotRemoved(state, kept);
  const removing = async (domain: Domain): Promise<string | undefined> => {
    const note = await noteOf(domain);
    if (note?.target !== 'started') return removeRemains(domain, to, judge);
    const isTakenBack = own?.move === takenBack(move) && own.target !== 'untouched';
    const isOurs = isTakenBack && own.askedOff && kept === 'defined' && isOfMove(note, move);
    const whyOff = isOurs ? whyLeftOff(await statusOf(domain), note) : undefined;
    if (whyOff !== undefined) return whyOff;
    if (!mayHaveWritten(note, to.id)) return removeRemains(domain, to, judge);
    return isOurs ? startAtItsDisks(domain) : 'it may have run there, where its new disks are';
  };
  const refusal = await to.onDomain(vm, 'cleaning up', removing, { signal });
  if (refusal !== undefined) return refusal;
  // A guest that was started in that moment has lost its definition only, and runs.
  const left = await to.sight(vm, signal);
  return left === undefined ? undefined : `it is ${left.state} again`;
}

/**
 * Why a guest that was to be started on its target, and is off there, is started nowhere: whoever
 * shut it down there, cut its power or saved it wants it off, and may be at its disks. Undefined:
 * it is to be up, as far as can be told.
 *
 * A reason that is unknown is told by how far the note has come, and by which error is worse:
 * - Its start was only about to be asked for: one that has never run shows just that, and a
 *   controller that dies there is what is likely. For its owner to have shut it down, its start
 *   must have been lost, and the reason, too. To leave it off would be the worse: it is started.
 * - It has run: something has ended it, and the reason is lost (the daemon, or the host, was
 *   started anew). It may be its owner, at work on its disks: a start can destroy these. One that
 *   stays off is told to a person, and nothing is lost: it is left off.
 */
function whyLeftOff({ state, reason }: DomainStatus, { hasRun }: MoveNote): string | undefined {
  if (state !== DOMAIN_STATE.shutoff) return undefined;
  const { crashed, daemon, failed, unknown } = SHUTOFF_REASON;
  switch (reason) {
    case crashed:
    case failed:
    case daemon:
      return undefined;
    case unknown:
      if (hasRun !== true) return undefined;
      return 'it has run there, and who ended it is not known: start it there, if it is to run';
    default:
      return 'it has run there, and was shut down since: start it there';
  }
}

/**
 * A guest that was to be started here, and is off, here and on its source: what it wrote is here
 * alone. Resolves with what it is now.
 */
async function startAtItsDisks(domain: Domain): Promise<string> {
  const status = await statusOf(domain);
  if (!isOff(status)) return `it is ${sightingStateOf(status)}`;
  await startDomain(domain);
  return 'it was started there, where its new disks are';
}

function whyNotRemoved(remains: Sighting['state'], kept: Kept['kept']): string | undefined {
  if (kept === undefined) return 'it is not on its source any more';
  switch (remains) {
    case 'defined':
      return undefined;
    case 'incoming':
    case 'paused':
      return kept === 'running' ? undefined : `it is ${remains}, and its source does not run`;
    case 'running':
    case 'post-copy':
    case 'post-copy-paused':
    case 'unknown':
      return `it is ${remains}`;
    default:
      return assertNever(remains, 'state');
  }
}

/**
 * Removes what `whyNot` has nothing against, judged by its state of this moment: what was only
 * defined at an earlier look may run by now. Resolves with what it has against it.
 */
export async function removeRemains(
  domain: Domain,
  host: LibvirtHost,
  whyNot: (state: Sighting['state']) => string | undefined,
): Promise<string | undefined> {
  const wasPersistent = await isPersistent(domain);
  const state = sightingStateOf(await statusOf(domain));
  const refusal = whyNot(state);
  if (refusal !== undefined) return refusal;
  if (state !== 'defined') await destroyDomain(domain);
  if (wasPersistent) await undefineCompletely(domain, host);
  return undefined;
}

/**
 * After a failed move everything is as before: autostart, which a cold move takes away, and the
 * guest itself, where a cold move that was interrupted had shut it down.
 */
async function restoreSource(domain: Domain, order: MoveOrder, note: MoveNote): Promise<void> {
  if (note.autostart && !(await autostartOf(domain))) await setAutostart(domain, true);
  // The note is read anew: another move may have come since.
  if (order.method === 'cold') await startIfOffForMove(domain, takenBack(order.move));
}
