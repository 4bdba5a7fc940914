/**
 * A guest that runs although a cold move has asked it to shut down: it may go off at any moment,
 * and the request cannot be taken back. Whoever asked may be dead, or stopped. Until the time for
 * it is up the move counts as under way and keeps its note, so that a guest that is off then is
 * started again under it; what still runs after it has ignored the request.
 */

import { stateOf, type Domain } from '../calls/domain.ts';
import { isOff } from '../domain-status.ts';
import type { LibvirtHost } from '../host.ts';
import { DOMAIN_STATE } from '../native/constants.ts';
import type { MoveNote } from '../xml/metadata.ts';
import { decline } from './answers.ts';
import { isOfMove, noteOf } from './note.ts';
import { failed } from './observe.ts';
import { coldProgress } from './progress.ts';
import type { VmId } from '../../../src/domain/ids.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { Job, MoveOrder } from '../../../src/ports/hypervisor.ts';
import type { Attempt } from '../../../src/ports/metric-source.ts';

/** How far the clocks of two controllers may be apart, and a guest be late. */
export const GRACE_SECONDS = 30;

/** How a guest stands that was asked to shut down, and is not off. */
interface Asked {
  readonly note: MoveNote;
  readonly isInTime: boolean;
  /** Its power is off, and QEMU is about to end. */
  readonly isEnding: boolean;
}

export class GoingDown {
  readonly #clock: Clock;
  readonly #shutdownSeconds: number;
  /** Since when this process knows of a request (monotonic) whose time says nothing here. */
  readonly #known = new Map<VmId, { readonly askedAt: number | undefined; readonly at: number }>();

  constructor(shutdownSeconds: number, clock: Clock) {
    this.#shutdownSeconds = shutdownSeconds;
    this.#clock = clock;
  }

  /**
   * Undefined: the guest may be touched. `own` is the move that may go on with what it asked for
   * itself.
   */
  async refusal(
    { vm }: MoveOrder,
    from: LibvirtHost,
    { signal, own }: { readonly signal: AbortSignal; readonly own?: string },
  ): Promise<Attempt | undefined> {
    const asked = await this.#look(vm, from, signal);
    if (asked === undefined || asked.note.move === own) return undefined;
    if (!asked.isInTime && !asked.isEnding) return undefined;
    return decline('locked', `the shutdown of ${vm} was asked for: it may still go off`);
  }

  /** How the order's move goes where only its request is left of it; undefined: it is not so. */
  async job(order: MoveOrder, from: LibvirtHost, signal: AbortSignal): Promise<Job | undefined> {
    if (order.method !== 'cold') return undefined;
    const asked = await this.#look(order.vm, from, signal);
    if (asked === undefined || !isOfMove(asked.note, order.move)) return undefined;
    if (asked.isInTime) return { kind: 'running', progress: coldProgress(undefined) };
    return failed(didNotShutDown(order.vm, this.#shutdownSeconds));
  }

  /** Nobody will ask for a move of the guest again. */
  forget(vm: VmId): void {
    this.#known.delete(vm);
  }

  async #look(vm: VmId, from: LibvirtHost, signal: AbortSignal): Promise<Asked | undefined> {
    const reading = async (domain: Domain): Promise<Asked | undefined> => {
      const note = await noteOf(domain);
      if (note?.askedOff !== true) return undefined;
      const status = await stateOf(domain);
      if (isOff(status)) return undefined;
      const isEnding = status.state === DOMAIN_STATE.shutdown;
      return { note, isEnding, isInTime: this.#isInTime(vm, note) };
    };
    return from.onDomain(vm, 'looking for a shutdown', reading, { signal });
  }

  /**
   * By the wall clock, but not where that says nothing: a clock that was set back would keep the
   * move for as long, and a note without a time (of an older Drover) would lose the guest.
   */
  #isInTime(vm: VmId, { askedAt }: MoveNote): boolean {
    const limit = this.#shutdownSeconds + GRACE_SECONDS;
    const age = askedAt === undefined ? -1 : this.#clock.now() - askedAt;
    if (age >= 0) return age < limit;
    const now = this.#clock.monotonic();
    const before = this.#known.get(vm);
    const known =
      before !== undefined && before.askedAt === askedAt ? before : { askedAt, at: now };
    this.#known.set(vm, known);
    return now - known.at < limit;
  }
}

/** A request to shut down cannot be taken back. */
export function didNotShutDown(vm: string, shutdownSeconds: number): string {
  const late = 'it may still go off, and nobody starts it again then';
  return `${vm} did not shut down within ${shutdownSeconds} s: ${late}`;
}
