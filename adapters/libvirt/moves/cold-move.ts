/**
 * A cold move: shut the guest down, copy the disks that the target does not reach, define it on the
 * target, start it there. The source keeps its definition until the move is committed, and its
 * disks for good; its autostart it loses right before the target knows the guest. Nobody goes on
 * when Drover ends in the middle: the move is taken back (settle.ts), unless it is ordered again
 * while the guest is off for it; then its disks are copied anew.
 *
 * Until the guest runs on its target, a failure brings it back up on its source.
 *
 * Each step forward needs the permission that the move began under. The way back needs none: it
 * goes by the note, and a guest that is off has nobody else to start it.
 */

import {
  autostartOf,
  defineDomain,
  destroyDomain,
  isPersistent,
  setAutostart,
  shutDown,
  startDomain,
  withDomain,
  type Domain,
} from '../calls/domain.ts';
import { isOff, statusOf } from '../domain-status.ts';
import { copyDisks } from '../disks/cold-copy.ts';
import { CopyLines } from '../disks/copy-lines.ts';
import { planCopies } from '../disks/disk-plan.ts';
import { notedCopy, relocationOf } from '../disks/volumes.ts';
import type { LibvirtHost } from '../host.ts';
import { SHUTDOWN } from '../native/constants.ts';
import { isUnanswered, LibvirtError } from '../native/errors.ts';
import type { Session } from '../native/session.ts';
import type { LibvirtOptions } from '../options.ts';
import { relocateDisks } from '../xml/relocate.ts';
import type { Flight } from './flight.ts';
import { seenElsewhere } from './elsewhere.ts';
import { didNotShutDown } from './going-down.ts';
import { isOfMove, mayHaveWritten, noteAskedOff, noteOf, noteTarget } from './note.ts';
import { isAskedOff, isOffForMove, startIfOffForMove } from './off-for-move.ts';
import { makeReady } from './ready.ts';
import { definitionOf, type Ends, type MoveHosts } from './settle.ts';
import { undefineCompletely } from './undefine.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import { seconds } from '../../../src/domain/units.ts';
import type { MoveOrder } from '../../../src/ports/hypervisor.ts';
import { isAllowed } from '../../../src/ports/permission.ts';

/** Between two looks at a guest that shuts down. */
const LOOK_SECONDS = seconds(0.5);

export interface ColdMoveTools {
  readonly ends: MoveHosts;
  readonly options: LibvirtOptions['cold'];
  readonly clock: Clock;
}

/**
 * Leaves the note without which the move may not begin, and makes the volumes for its disks, and
 * the connections that they are copied over. Throws where the guest cannot go cold, with nothing
 * open then.
 */
export async function prepareColdMove(
  flight: Flight,
  ends: Ends,
  signal: AbortSignal,
): Promise<void> {
  const { order } = flight;
  const { from } = ends;
  const persistent = await from.onDomain(order.vm, 'looking', isPersistent, { signal });
  if (persistent !== true) {
    throw new LibvirtError(0, 'a transient guest ceases to exist when it is shut down', false);
  }
  const { copies, objections } = await planCopies(order, ends, signal);
  if (objections.length > 0)
    throw new LibvirtError(0, objections.map(({ detail }) => detail).join('; '), false);
  const lines = copies.length === 0 ? undefined : await CopyLines.open(from, ends.to, signal);
  try {
    await makeReady(order, ends, { copies, autostart: autostartOf }, signal);
  } catch (error) {
    lines?.close();
    throw error;
  }
  flight.copies = copies;
  flight.lines = lines;
}

/** Carries the move out; rejects when it failed and the guest was brought back to its source. */
export async function runColdMove(flight: Flight, tools: ColdMoveTools): Promise<void> {
  try {
    await carryOut(flight, tools);
  } finally {
    flight.lines?.close();
  }
}

async function carryOut(flight: Flight, tools: ColdMoveTools): Promise<void> {
  const { from } = tools.ends;
  await shutDownGuest(flight, tools);
  const since = tools.clock.monotonic();
  try {
    goOn(flight);
    await takeDisksAlong(flight, tools);
    await checkIsOurs(flight.order, from);
    await startThere(flight, tools.ends);
  } catch (error) {
    // Before it was told nothing there could start: it need not be asked, and may be dead.
    if (flight.isTargetTold) await bringBack(flight.order, tools.ends);
    else await startUntold(flight.order, tools.ends);
    throw error;
  }
  flight.offSeconds = tools.clock.monotonic() - since;
}

/** Throws where it is to be broken off. */
function goOn(flight: Flight): void {
  const why = whyStop(flight);
  if (why !== undefined) throw new LibvirtError(0, why, false);
}

function whyStop({ stopped, allowed }: Flight): string | undefined {
  return stopped ?? (isAllowed(allowed.signal) ? undefined : 'it may not go on: no lease');
}

async function takeDisksAlong(flight: Flight, { clock }: ColdMoveTools): Promise<void> {
  const { copies, lines, order } = flight;
  if (lines === undefined) return;
  const totalBytes = copies.reduce((sum, { bytes }) => sum + bytes, 0);
  const progress = { totalBytes, doneBytes: 0, sentBytes: 0 };
  flight.copying = progress;
  try {
    const stopped = (): string | undefined => whyStop(flight);
    const { bandwidth } = order;
    await copyDisks(lines, { copies, progress, clock, bandwidth, stopped });
  } finally {
    flight.copying = undefined;
  }
}

/** Rejects where anybody has started the guest on its source, or taken it for another move. */
async function checkIsOurs({ vm, move }: MoveOrder, from: LibvirtHost): Promise<void> {
  const isOurs = await from.onDomain(vm, 'looking', (domain) => isOffForMove(domain, move));
  if (isOurs !== true) throw takenAway(vm, from);
}

/** The disks may have been copied for hours. */
async function checkIsNowhereElse({ vm }: MoveOrder, others: MoveHosts['others']): Promise<void> {
  const elsewhere = await seenElsewhere(vm, others);
  if (elsewhere !== undefined) throw new LibvirtError(0, elsewhere, false);
}

function takenAway(vm: string, from: LibvirtHost): LibvirtError {
  return new LibvirtError(0, `${vm} was taken out of the move's hands on ${from.id}`, false);
}

async function startThere(flight: Flight, { from, to, others }: MoveHosts): Promise<void> {
  const { order, copies, allowed } = flight;
  const { vm, move } = order;
  const stored = await from.onDomain(vm, 'reading the definition', definitionOf);
  if (stored === undefined) throw new LibvirtError(0, `${vm} vanished from ${from.id}`, false);
  const moved = copies.map((copy) => relocationOf(notedCopy(copy, to.id)));
  const xml = relocateDisks(stored, moved);
  // It may have died since: then the source's note goes on saying that it knows nothing.
  await Promise.all([to.sight(vm), checkIsNowhereElse(order, others)]);
  goOn(flight);
  // Not before: a source that reboots during the copy brings its guest up by itself.
  await from.onDomain(vm, 'taking autostart away', (one) => handOver(one, move), allowed);
  await checkIsOurs(order, from);
  const defining = (session: Session): Promise<void> => {
    flight.isTargetTold = true;
    return defineUnlessRunning(session, vm, xml);
  };
  await to.link.use('control', 'defining', defining, allowed.signal);
  // Whoever took the move back before this look is seen now; whoever does it after it sees the
  // definition, or the guest.
  await checkIsOurs(order, from);
  await to.onDomain(vm, 'starting', startUnlessRunning, allowed);
}

/** Another controller may have brought it there since: its definition is not written over. */
async function defineUnlessRunning(session: Session, vm: string, xml: string): Promise<void> {
  const isUp = await withDomain(session, vm, async (domain) => !isOff(await statusOf(domain)));
  if (isUp === true) throw new LibvirtError(0, `${vm} runs on its target already`, false);
  await defineDomain(session, xml);
}

/** Only with a note that remembers it. */
async function handOver(domain: Domain, move: string): Promise<void> {
  if (!(await isOffForMove(domain, move))) return;
  await noteTarget(domain, 'defined');
  if (await autostartOf(domain)) await setAutostart(domain, false);
}

async function shutDownGuest(flight: Flight, tools: ColdMoveTools): Promise<void> {
  const { allowed } = flight;
  const { vm, move } = flight.order;
  const { from } = tools.ends;
  const { shutdownSeconds, force } = tools.options;
  const look = async (): Promise<boolean> => {
    const status = await from.onDomain(vm, 'looking at the source', statusOf);
    return status === undefined || isOff(status);
  };
  if (await look()) {
    const isOurs = await from.onDomain(vm, 'looking', (domain) => isOffForMove(domain, move));
    if (isOurs === true) return;
    throw new LibvirtError(0, `${vm} is off, and was not shut down by the move`, false);
  }
  await ask(flight, tools);
  const cutPower = async (domain: Domain): Promise<void> => {
    // Whoever took the move back since, or took the guest for another, has it running.
    if (!(await isAskedOff(domain, move))) throw takenAway(vm, from);
    await destroyDomain(domain);
  };
  const deadline = tools.clock.monotonic() + shutdownSeconds;
  const isTimeLeft = (): boolean => tools.clock.monotonic() < deadline;
  // One lost connection is no reason to leave a guest alone that is going down.
  const lookAgain = (): Promise<boolean> =>
    look().catch((error: unknown) => {
      if (!isUnanswered(error) || !isTimeLeft()) throw error;
      return false;
    });
  while (!(await lookAgain())) {
    if (isTimeLeft()) {
      await tools.clock.sleep(LOOK_SECONDS);
    } else if (force && flight.stopped === undefined) {
      await from.onDomain(vm, 'cutting the power', cutPower, allowed);
    } else {
      throw new LibvirtError(0, didNotShutDown(vm, shutdownSeconds), false);
    }
  }
}

/**
 * An agent lets the call hang until the guest is off, for as long as a minute, and no call may take
 * that long: from the moment at which the request may have come through the guest is waited for.
 */
async function ask({ allowed, order }: Flight, { clock, ends }: ColdMoveTools): Promise<void> {
  const { vm, move } = order;
  let isNoted = false;
  const asking = async (domain: Domain): Promise<void> => {
    if (!(await noteAskedOff(domain, move, clock.now()))) throw takenAway(vm, ends.from);
    isNoted = true;
    await askToShutDown(domain);
  };
  try {
    await ends.from.onDomain(vm, 'shutting down', asking, allowed);
  } catch (error) {
    if (!isNoted || !isUnanswered(error)) throw error;
  }
}

/** Through the agent, which is sure, or else the power button, which a guest may ignore. */
async function askToShutDown(domain: Domain): Promise<void> {
  try {
    await shutDown(domain, SHUTDOWN.agent);
  } catch (error) {
    if (!(error instanceof LibvirtError) || error.lost) throw error;
    await shutDown(domain, SHUTDOWN.acpi);
  }
}

async function startUnlessRunning(domain: Domain): Promise<void> {
  if (!isOff(await statusOf(domain))) return;
  await noteTarget(domain, 'started');
  try {
    await startDomain(domain);
  } catch (error) {
    // Declined, it has not run.
    if (!isUnanswered(error)) await noteTarget(domain, 'defined');
    throw error;
  }
  // It runs, whether that can be noted or not.
  await noteTarget(domain, 'started', true).catch(() => undefined);
}

/** Never starts the source's copy while the target's may run. */
async function bringBack(order: MoveOrder, ends: MoveHosts): Promise<void> {
  const { vm, move } = order;
  const { to } = ends;
  await to.onDomain(vm, 'undefining', async (domain) => {
    if (!isOff(await statusOf(domain))) {
      throw new LibvirtError(0, `${vm} runs on ${to.id} after all`, false);
    }
    const note = await noteOf(domain);
    // Another move may have brought it here since: then this is all there is of the guest.
    if (!isOfMove(note, move)) return;
    if (mayHaveWritten(note, to.id)) {
      throw new LibvirtError(0, `${vm} may have run on ${to.id}, where its new disks are`, false);
    }
    await undefineCompletely(domain, to);
  });
  // A start that got no answer may have come to its end in that moment: the guest has lost its
  // definition only, and runs.
  const left = await to.sight(vm);
  if (left !== undefined && left.state !== 'defined') {
    throw new LibvirtError(0, `${vm} runs on ${to.id} after all (${left.state})`, false);
  }
  await startAgain(order, ends);
}

/** The target was not told of the guest, whatever was noted right before. */
async function startUntold(order: MoveOrder, ends: MoveHosts): Promise<void> {
  const { vm, move } = order;
  await ends.from.onDomain(vm, 'taking the note back', async (domain) => {
    if ((await noteOf(domain))?.move === move) await noteTarget(domain, 'untouched');
  });
  await startAgain(order, ends);
}

async function startAgain(order: MoveOrder, { from, others }: MoveHosts): Promise<void> {
  const { vm, move } = order;
  await checkIsNowhereElse(order, others);
  await from.onDomain(vm, 'starting again', (domain) => startIfOffForMove(domain, move));
}
