/**
 * A restart: the guest of a dead host is defined and started on another one, from the definition
 * that was kept of it and its disks on shared storage. The dead host is asked nothing but whether
 * it is dead: where it answers, nothing is started. That its power is off is the executor's proof
 * to bring (src/execute/restart.ts); what is seen here can only forbid.
 *
 * Autostart goes along in the note, and is set when the restart is committed; what the dead host
 * still holds of the guest is removed when it is readmitted, by `commit` as after a cold move.
 */

import {
  defineDomain,
  isPersistent,
  startDomain,
  withDomain,
  type Domain,
} from '../calls/domain.ts';
import { UNDEFINED, type Definitions } from '../definitions.ts';
import { leftoversOf } from '../disks/volumes.ts';
import { isOff, statusOf } from '../domain-status.ts';
import { DONE, decline } from './answers.ts';
import type { Carrier } from './carrier.ts';
import { firstSaid } from './elsewhere.ts';
import { Flight, settle } from './flight.ts';
import { asEarlier, closeNoteOn, isOfMove, leaveNote, mayHaveRunHere, noteOf } from './note.ts';
import { arrivedOn, failed } from './observe.ts';
import { noProgress } from './progress.ts';
import { removeRemains, takeOverAutostart, type Ends, type MoveHosts } from './settle.ts';
import type { VmId } from '../../../src/domain/ids.ts';
import type { Job, MoveOrder, Sighting } from '../../../src/ports/hypervisor.ts';
import type { Attempt } from '../../../src/ports/metric-source.ts';

export class Restarter implements Carrier {
  readonly #definitions: Definitions;
  readonly #flights = new Map<VmId, Flight>();

  constructor(definitions: Definitions) {
    this.#definitions = definitions;
  }

  async start(order: MoveOrder, hosts: MoveHosts, signal: AbortSignal): Promise<Attempt> {
    const { vm } = order;
    const { to } = hosts;
    const known = this.#flights.get(vm);
    if (known !== undefined && known.end === undefined) {
      return known.isFor(order) ? DONE : decline('locked', `${vm} is being restarted elsewhere`);
    }
    const there = await to.sight(vm, signal);
    if (there?.state === 'running' || there?.state === 'incoming') return DONE;
    if (there !== undefined && there.state !== 'defined') {
      return decline('refused', `${vm} is ${there.state} on ${to.id}`);
    }
    const objection = await objectionTo(order, hosts, signal);
    if (objection !== undefined) return decline('refused', objection);
    const definition = await this.#definitions.read(vm);
    if (definition === undefined) return decline('refused', UNDEFINED);
    await to.link.use('control', 'defining', (one) => defineDomain(one, definition.xml), signal);
    const { autostart } = definition;
    const note = { move: order.move, to: to.id, autostart, askedOff: false };
    const leave = async (domain: Domain): Promise<void> => {
      // What moves before this one could not remove elsewhere.
      const kept = await noteOf(domain);
      const left = kept === undefined ? [] : await leftoversOf(domain, kept);
      await leaveNote(domain, { ...note, copies: asEarlier(left) });
    };
    await to.onDomain(vm, 'leaving a note', leave, { signal });
    const connection = await to.link.open(signal);
    // Two starts at the same moment: the first one counts.
    const rival = this.#flights.get(vm);
    if (rival !== undefined && rival !== known) {
      to.link.drop(connection);
      return rival.isFor(order) ? DONE : decline('locked', `${vm} is being restarted elsewhere`);
    }
    const flight = new Flight(order);
    this.#flights.set(vm, flight);
    // QEMU takes its time where it has to touch all of a large guest's memory first.
    const starting = connection.use(
      'starting',
      (session) =>
        withDomain(session, vm, async (domain) => {
          if (isOff(await statusOf(domain))) await startDomain(domain);
        }),
      { seconds: Number.POSITIVE_INFINITY, permit: signal },
    );
    void settle(flight, starting).finally(() => to.link.drop(connection));
    return DONE;
  }

  /** Asked of the target alone. A guest that is set up there counts as on its way. */
  async job(order: MoveOrder, { to }: Ends, signal: AbortSignal): Promise<Job> {
    const flight = this.#flights.get(order.vm);
    const own = flight?.isFor(order) === true ? flight : undefined;
    const there = await to.sight(order.vm, signal);
    if (there?.state === 'running') return arrivedOn(order, to, signal);
    const isUnderWay = own !== undefined && own.end === undefined;
    if (isUnderWay || there?.state === 'incoming') {
      return { kind: 'running', progress: noProgress('setup') };
    }
    return own?.end?.kind === 'failed' ? failed(own.end.detail) : { kind: 'none' };
  }

  /** Nothing of a start can be sped up. */
  steer(): Promise<Attempt> {
    return Promise.resolve(decline('refused', 'a guest that is started cannot be steered'));
  }

  abort(): Promise<Attempt> {
    return Promise.resolve(decline('refused', 'a guest that is started cannot be told otherwise'));
  }

  /** Also for a move whose source died after the guest had left it. */
  async commit({ vm }: MoveOrder, { to }: Ends, signal: AbortSignal): Promise<Attempt> {
    const arrived = await to.sight(vm, signal);
    if (arrived?.state !== 'running') return decline('refused', `${vm} does not run on ${to.id}`);
    const isStored = await to.onDomain(vm, 'looking', isPersistent, { signal });
    const definition = isStored === true ? undefined : await this.#definitions.read(vm);
    if (definition !== undefined) {
      await to.link.use('control', 'defining', (one) => defineDomain(one, definition.xml), signal);
    }
    await to.onDomain(vm, 'taking over autostart', takeOverAutostart, { signal });
    const close = (domain: Domain) => closeNoteOn(domain, vm, to);
    await to.onDomain(vm, 'removing the note', close, { signal });
    this.#flights.delete(vm);
    return DONE;
  }

  /** Touches no guest that runs, or that may be all there is left of it. */
  async cleanUp(order: MoveOrder, { to }: Ends, signal: AbortSignal): Promise<Attempt> {
    const { vm } = order;
    const removing = async (domain: Domain): Promise<string | undefined> => {
      const isOwn = order.begunAs === undefined && isOfMove(await noteOf(domain), order.move);
      return removeRemains(domain, to, (state) => whyNotRemoved(state, isOwn));
    };
    const refusal = await to.onDomain(vm, 'cleaning up', removing, { signal });
    if (refusal !== undefined) return decline('refused', `${vm} on ${to.id}: ${refusal}`);
    this.#flights.delete(vm);
    return DONE;
  }
}

/** What is seen of the guest, or of its host, that speaks against a second start. */
async function objectionTo(
  { vm }: MoveOrder,
  { from, to, others }: MoveHosts,
  signal: AbortSignal,
): Promise<string | undefined> {
  const [alive, found] = await Promise.all([
    firstSaid([from], async () => {
      await from.sight(vm, signal);
      return `${from.id} answers: it is not dead`;
    }),
    firstSaid([to, ...others], async (host) => {
      const sighting = await host.sight(vm, signal);
      if (sighting === undefined) return undefined;
      if (sighting.state !== 'defined') return `${vm} is ${sighting.state} on ${host.id}`;
      const note = await host.onDomain(vm, 'looking for a note', noteOf, { signal });
      if (!mayHaveRunHere(note, host.id)) return undefined;
      const may = `${vm} may have run on ${host.id}, where its new disks are`;
      return `${may}: start it there, or undefine it, where it has run elsewhere since`;
    }),
  ]);
  return alive ?? found;
}

/** @param isOwn the restart itself has defined it there. */
function whyNotRemoved(state: Sighting['state'], isOwn: boolean): string | undefined {
  if (state === 'incoming' || (state === 'defined' && isOwn)) return undefined;
  return state === 'defined' ? 'its definition there may be the only one' : `it is ${state}`;
}
