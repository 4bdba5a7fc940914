/**
 * A controller whose own VM has to leave its host gives all its leases to others first, and the one
 * that takes them over moves the VM: last, when everything else of the plan is done. So whatever
 * that move breaks, it is not the controller in charge that breaks with it.
 *
 * It stands aside until its VM is elsewhere, or nothing wants it away any more, or nobody else is
 * there, and no longer than a quarter of an hour: where the others did not move the VM by then, it
 * takes its share again, and does not ask them anew for an hour. Where the others stepped aside at
 * the same moment, one comes back with its next tick, moves their VMs, and has its own turn later.
 */

import type { Finding } from '../domain/finding.ts';
import type { HostId, VmId } from '../domain/ids.ts';
import { leaseScope } from '../domain/lease.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { hostOf, vmOf } from '../domain/snapshot-index.ts';
import type { Vm } from '../domain/vm.ts';
import type { Executor } from '../execute/executor.ts';
import type { LeaseKeeper } from '../execute/lease-keeper.ts';
import { modeOf } from '../execute/mode.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import type { HookRuns } from './hook-runs.ts';
import type { PolicyStore } from './policy-store.ts';
import type { TickState } from './tick.ts';

const ASIDE_SECONDS = 900;
const AGAIN_SECONDS = 3600;

export interface HandOverParts {
  readonly keeper: Pick<
    LeaseKeeper,
    | 'isShared'
    | 'isLast'
    | 'isCalledBack'
    | 'name'
    | 'acting'
    | 'mayAct'
    | 'standAside'
    | 'comeBack'
  >;
  readonly executor: Pick<Executor, 'inFlight'>;
  readonly hooks: Pick<HookRuns, 'isIdle'>;
  readonly policies: Pick<PolicyStore, 'policies'>;
  readonly clock: Clock;
  readonly events: EventSink;
}

interface Aside {
  readonly vm: VmId;
  readonly host: HostId;
  readonly finding: Finding['id'];
  readonly since: number;
}

export class HandOver {
  readonly #parts: HandOverParts;
  #aside: Aside | undefined;
  /** When it came back without having been moved. */
  readonly #inVain = new Map<VmId, number>();

  constructor(parts: HandOverParts) {
    this.#parts = parts;
  }

  /** After each tick. True: the leases are to be given back now. */
  look(state: TickState): boolean {
    if (!this.#parts.keeper.isShared) return false;
    if (this.#aside !== undefined) this.#comeBack(this.#aside, state);
    if (this.#aside !== undefined) return false;
    return this.#ownVms(state).some((vm) => this.#stepAside(vm, state));
  }

  /** The VMs that carry this controller. */
  #ownVms({ snapshot }: TickState): readonly Vm[] {
    return carriersOf(snapshot, this.#parts.keeper.name);
  }

  #stepAside(vm: Vm, state: TickState): boolean {
    const { clock, events, keeper } = this.#parts;
    const now = clock.monotonic();
    if (vm.own?.acting !== 'with-standby' || this.#isResting(vm.id, now)) return false;
    const finding = this.#asksFor(vm, state);
    if (finding === undefined || this.#isBusy(state)) return false;
    this.#aside = { vm: vm.id, host: vm.host, finding, since: now };
    keeper.standAside('for-now');
    const text = `${keeper.name} gives its leases away, so that its VM ${vm.name} can go`;
    events.emit('warning', { key: `hand-over ${vm.id}`, text });
    return true;
  }

  #isResting(vm: VmId, now: number): boolean {
    const since = this.#inVain.get(vm);
    return since !== undefined && now - since < AGAIN_SECONDS;
  }

  /**
   * The finding for which the VM has to leave; undefined: none, or more than its leases keeps it
   * where it is. Elsewhere another controller plans: there the host has to be emptied, at least.
   */
  #asksFor(vm: Vm, state: TickState): Finding['id'] | undefined {
    const { keeper, policies } = this.#parts;
    const host = hostOf(state.snapshot, vm.host);
    if (host === undefined || modeOf(host, policies.policies) === 'observe') return undefined;
    if (keeper.mayAct(leaseScope(host)) !== undefined) {
      const open = state.result?.report.unresolved.find(({ pairs }) =>
        pairs.some((pair) => pair.vm === vm.id && pair.code === 'own-leases'),
      );
      return open?.finding;
    }
    return state.findings.find(
      ({ response, subject }) =>
        response === 'evacuate' && subject.kind === 'host' && subject.host === host.id,
    )?.id;
  }

  /** Something that cannot wait either is under way, or still to come. */
  #isBusy({ result, snapshot, verdicts }: TickState): boolean {
    const { executor, hooks } = this.#parts;
    if (executor.inFlight().length > 0) return true;
    // Whoever runs a hook keeps its cluster.
    if (!snapshot.hosts.every((host) => hooks.isIdle(leaseScope(host)))) return true;
    const tiers = new Map(result?.plan.moves.map(({ id, tier }) => [id, tier]));
    return verdicts.some(
      ({ move, verdict }) => verdict !== 'refused' && tiers.get(move) === 'mandatory',
    );
  }

  #comeBack(aside: Aside, { snapshot, findings }: TickState): void {
    const { clock, events, keeper } = this.#parts;
    const now = clock.monotonic();
    const vm = vmOf(snapshot, aside.vm);
    const isMoved = vm?.host !== aside.host;
    const isOver = isMoved || !findings.some(({ id }) => id === aside.finding);
    const isInVain = !isOver && (keeper.isLast || now - aside.since >= ASIDE_SECONDS);
    if (!isOver && !isInVain && !keeper.isCalledBack) return;
    if (isInVain) this.#inVain.set(aside.vm, now);
    this.#aside = undefined;
    keeper.comeBack();
    const name = vm?.name ?? aside.vm;
    const isLeft = isOver || isInVain ? `${name} was not moved` : 'the others stand aside, too';
    const why = isMoved ? `${name} has moved` : isLeft;
    const text = `${keeper.name} takes its share of the leases again: ${why}`;
    events.emit('warning', { key: `hand-over ${aside.vm}`, text });
  }
}

/** The VMs that a controller runs in, by its name. */
export function carriersOf(snapshot: Snapshot | undefined, name: string): readonly Vm[] {
  return (snapshot?.vms ?? []).filter(({ own }) => own?.controller === name);
}
