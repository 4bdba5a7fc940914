/**
 * A cold move: shut the guest down, define it on the target, start it there. The source keeps its
 * definition, without autostart, until the move is committed. Each step looks first, so that a move
 * that a crash of Drover interrupted goes on where it stood.
 *
 * Until the guest runs on its target, a failure brings it back up on its source.
 */

import {
  autostartOf,
  defineDomain,
  destroyDomain,
  isPersistent,
  setAutostart,
  shutDown,
  startDomain,
  type Domain,
} from '../calls/domain.ts';
import { isOff, statusOf } from '../domain-status.ts';
import { SHUTDOWN } from '../native/constants.ts';
import { LibvirtError } from '../native/errors.ts';
import type { LibvirtOptions } from '../options.ts';
import type { Flight } from './flight.ts';
import { leaveNote, noteOf } from './note.ts';
import { definitionOf, undefineCompletely, type Ends } from './settle.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import { seconds } from '../../../src/domain/units.ts';

/** Between two looks at a guest that shuts down. */
const LOOK_SECONDS = seconds(0.5);

export interface ColdMoveTools {
  readonly ends: Ends;
  readonly options: LibvirtOptions['cold'];
  readonly clock: Clock;
}

/** Leaves the note without which the move may not begin. Throws where the guest cannot go cold. */
export async function prepareColdMove(domain: Domain, flight: Flight): Promise<void> {
  const { move, to } = flight.order;
  if (!(await isPersistent(domain))) {
    throw new LibvirtError(0, 'a transient guest ceases to exist when it is shut down', false);
  }
  const note = await noteOf(domain);
  const isRepeated = note?.move === move;
  const autostart = isRepeated ? note.autostart : await autostartOf(domain);
  await leaveNote(domain, { move, to, autostart });
  if (autostart) await setAutostart(domain, false);
}

/** Whether the source is off because this move shut it down: then the move goes on from there. */
export async function isOffForMove(domain: Domain, move: string): Promise<boolean> {
  return isOff(await statusOf(domain)) && (await noteOf(domain))?.move === move;
}

/** Carries the move out; rejects when it failed and the guest was brought back to its source. */
export async function runColdMove(flight: Flight, tools: ColdMoveTools): Promise<void> {
  const { vm } = flight.order;
  const { from, to } = tools.ends;
  await shutDownGuest(flight, tools);
  const since = tools.clock.monotonic();
  try {
    const xml = await from.onDomain(vm, 'reading the definition', definitionOf);
    if (xml === undefined) throw new LibvirtError(0, `${vm} vanished from ${from.id}`, false);
    await to.link.use('control', 'defining', (session) => defineDomain(session, xml));
    await to.onDomain(vm, 'starting', startUnlessRunning);
  } catch (error) {
    await bringBack(vm, tools.ends);
    throw error;
  }
  flight.offSeconds = tools.clock.monotonic() - since;
}

async function shutDownGuest(flight: Flight, tools: ColdMoveTools): Promise<void> {
  const { vm } = flight.order;
  const { from } = tools.ends;
  const { shutdownSeconds, force } = tools.options;
  const look = async (): Promise<boolean> => {
    const status = await from.onDomain(vm, 'looking at the source', statusOf);
    return status === undefined || isOff(status);
  };
  if (await look()) return;
  await from.onDomain(vm, 'shutting down', askToShutDown);
  const deadline = tools.clock.monotonic() + shutdownSeconds;
  while (!(await look())) {
    if (tools.clock.monotonic() < deadline) {
      await tools.clock.sleep(LOOK_SECONDS);
    } else if (force) {
      await from.onDomain(vm, 'cutting the power', destroyDomain);
    } else {
      const what = `${vm} did not shut down within ${shutdownSeconds} s (it still may)`;
      throw new LibvirtError(0, what, false);
    }
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
  if (isOff(await statusOf(domain))) await startDomain(domain);
}

/** Never starts the source's copy while the target's may run. */
async function bringBack(vm: string, { from, to }: Ends): Promise<void> {
  await to.onDomain(vm, 'undefining', async (domain) => {
    if (!isOff(await statusOf(domain))) {
      throw new LibvirtError(0, `${vm} runs on ${to.id} after all`, false);
    }
    await undefineCompletely(domain);
  });
  await from.onDomain(vm, 'starting again', startUnlessRunning);
}
