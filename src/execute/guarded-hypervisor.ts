/**
 * The one place where every side effect passes. Hypervisors know no tokens: so the lease is looked
 * at immediately before the call, with nothing awaited in between, and the call is given the means
 * to look at it again before each of its steps (ports/permission.ts). What only reads goes through,
 * but for the questions about a move: who follows one without a lease is told so.
 */

import type { HostId, MoveId, VmId } from '../domain/ids.ts';
import type { Refusal } from '../domain/refusal.ts';
import { fail } from '../domain/result.ts';
import type {
  Hypervisor,
  HypervisorCapabilities,
  Inventory,
  Job,
  MoveOrder,
  Steering,
} from '../ports/hypervisor.ts';
import { type Ledger, LedgerError } from '../ports/ledger.ts';
import type { Attempt, Reading } from '../ports/metric-source.ts';
import { allowWhile } from '../ports/permission.ts';
import type { MoveLeases } from './move-leases.ts';

type Guard = Pick<MoveLeases, 'about' | 'follows' | 'holds' | 'holdsHost' | 'isEnd' | 'onHost'>;

/** Rejects with LedgerError `lost-lease` where the lease is not certain any more. */
export class GuardedHypervisor implements Hypervisor {
  readonly #inner: Hypervisor;
  readonly #leases: Guard;
  readonly #ledger: Pick<Ledger, 'openMoves'>;

  constructor(inner: Hypervisor, leases: Guard, ledger: Pick<Ledger, 'openMoves'>) {
    this.#inner = inner;
    this.#leases = leases;
    this.#ledger = ledger;
  }

  get kind(): Hypervisor['kind'] {
    return this.#inner.kind;
  }

  get source(): Hypervisor['source'] {
    return this.#inner.source;
  }

  get capabilities(): HypervisorCapabilities {
    return this.#inner.capabilities;
  }

  inventory(signal: AbortSignal): Promise<Inventory> {
    return this.#inner.inventory(signal);
  }

  read(signal: AbortSignal): Promise<Reading> {
    return this.#inner.read(signal);
  }

  locate(vm: VmId, signal: AbortSignal): ReturnType<Hypervisor['locate']> {
    return this.#inner.locate(vm, signal);
  }

  precheck(order: MoveOrder, signal: AbortSignal): Promise<readonly Refusal[]> {
    return this.#under(order.move, signal, () => this.#inner.precheck(order, signal));
  }

  startMove(order: MoveOrder, signal: AbortSignal): Promise<Attempt> {
    return this.#under(order.move, signal, () => this.#inner.startMove(order, signal));
  }

  job(order: MoveOrder, signal: AbortSignal): Promise<Job> {
    return this.#under(order.move, signal, () => this.#inner.job(order, signal));
  }

  steer(order: MoveOrder, steering: Steering, signal: AbortSignal): Promise<Attempt> {
    return this.#under(order.move, signal, () => this.#inner.steer(order, steering, signal));
  }

  abort(order: MoveOrder, signal: AbortSignal): Promise<Attempt> {
    return this.#under(order.move, signal, () => this.#inner.abort(order, signal));
  }

  /**
   * Also at a readmission, which follows no move: under the lease of the host that is cleaned, and
   * of the one on which its VM runs, where what moves leave is closed. Where another controller has
   * that one the first is enough, unless the VM is being moved: without it nobody brings the VM
   * back to the host that is cleaned.
   */
  async commit(order: MoveOrder, signal: AbortSignal): Promise<Attempt> {
    const { from, to } = order;
    const call = (): Promise<Attempt> => this.#inner.commit(order, signal);
    if (this.#leases.isEnd(order.move, to)) return this.#under(order.move, signal, call);
    if (this.#leases.follows(order.move)) return this.#movedOn(order, signal, call);
    if (this.#leases.holdsHost(to)) return this.#onHosts([from, to], signal, call);
    this.#leases.onHost(from);
    await this.#refuseWhileMoved(order.vm);
    return this.#onHosts([from], signal, call);
  }

  /** Its VM is on a third host by now: where another controller may act, a person has to look. */
  #movedOn(
    { move, to }: MoveOrder,
    signal: AbortSignal,
    call: () => Promise<Attempt>,
  ): Promise<Attempt> {
    this.#leases.about(move);
    const holds = (): boolean => this.#leases.holds(move) && this.#leases.holdsHost(to);
    if (!holds()) {
      const detail = `the lease of ${to} is not held: another controller may act there`;
      return Promise.resolve(fail({ code: 'refused', detail }));
    }
    allowWhile(signal, holds);
    return call();
  }

  async #refuseWhileMoved(vm: VmId): Promise<void> {
    const open = await this.#ledger.openMoves();
    if (!open.some(({ move }) => move.vm === vm)) return;
    throw new LedgerError('lost-lease', `${vm} is being moved`);
  }

  cleanUp(order: MoveOrder, signal: AbortSignal): Promise<Attempt> {
    return this.#under(order.move, signal, () => this.#inner.cleanUp(order, signal));
  }

  setMaintenance(host: HostId, on: boolean, signal: AbortSignal): Promise<Attempt> {
    return this.#onHosts([host], signal, () => this.#inner.setMaintenance(host, on, signal));
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #under<Value>(
    move: MoveId,
    signal: AbortSignal,
    call: () => Promise<Value>,
  ): Promise<Value> {
    this.#leases.about(move);
    allowWhile(signal, () => this.#leases.holds(move));
    return call();
  }

  async #onHosts<Value>(
    hosts: readonly HostId[],
    signal: AbortSignal,
    call: () => Promise<Value>,
  ): Promise<Value> {
    for (const host of hosts) this.#leases.onHost(host);
    allowWhile(signal, () => hosts.every((host) => this.#leases.holdsHost(host)));
    return call();
  }
}
