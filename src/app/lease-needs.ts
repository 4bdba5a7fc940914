/**
 * Which clusters this controller has to have in one hand. A move needs the leases of both its ends:
 * where a VM that has to leave could go only to a host on which another controller acts, neither of
 * the two can move it. So the one that has the VM asks for its cluster and for that of such a host
 * (Controller.asks), and gets them as soon as nothing moves there.
 *
 * An ask is about one VM and two clusters, and lasts until the VM is elsewhere or nothing wants it
 * away any more, also while its move is planned and waits (for a person, a window, a free place):
 * else both would be parted before it can begin. But never longer than a quarter of an hour, nor
 * than is plain that it does not help; then these two rest as long, for others may ask for one of
 * them, and the next two have their turn.
 */

import type { Host } from '../domain/host.ts';
import {
  type ClusterId,
  compareText,
  type FindingId,
  type HostId,
  type VmId,
} from '../domain/ids.ts';
import { leaseScope } from '../domain/lease.ts';
import type { PlanReport } from '../domain/plan.ts';
import { hostOf, vmOf } from '../domain/snapshot-index.ts';
import type { LeaseKeeper } from '../execute/lease-keeper.ts';
import { modeOf } from '../execute/mode.ts';
import type { Clock } from '../ports/clock.ts';
import type { PolicyStore } from './policy-store.ts';
import type { TickState } from './tick.ts';

const TURN_SECONDS = 900;
/** Two ticks: the first may have planned before it had looked at what it was given. */
const HELPS_WITHIN_SECONDS = 120;

/** What of a tick's state says what is left open. */
export interface LeftOpen extends Pick<TickState, 'snapshot' | 'findings'> {
  readonly result: { readonly report: Pick<PlanReport, 'unresolved'> } | undefined;
}

export interface LeaseNeedsParts {
  readonly keeper: Pick<LeaseKeeper, 'askFor' | 'mayAct' | 'mayTake'>;
  readonly policies: Pick<PolicyStore, 'policies'>;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/** A VM that could go to a host where another controller acts. */
interface Stuck {
  readonly vm: VmId;
  readonly finding: FindingId;
  readonly from: Host;
  readonly to: Host;
}

interface Ask {
  readonly vm: VmId;
  readonly finding: FindingId;
  readonly host: HostId;
  readonly clusters: readonly ClusterId[];
  readonly since: number;
  /** Since when both are held; undefined: they are not. */
  heldSince: number | undefined;
}

export class LeaseNeeds {
  readonly #parts: LeaseNeedsParts;
  #ask: Ask | undefined;
  /** When these clusters had their turn. */
  readonly #resting = new Map<string, number>();

  constructor(parts: LeaseNeedsParts) {
    this.#parts = parts;
  }

  /** After each tick. */
  look(state: LeftOpen): void {
    const stuck = stuckIn(state);
    const ask = this.#ask;
    if (ask !== undefined && !stands(ask, state)) this.#ask = undefined;
    else if (ask !== undefined && this.#isInVain(ask, stuck)) {
      this.#resting.set(nameOf(ask.clusters), this.#now);
      this.#ask = undefined;
    }
    this.#ask ??= this.#next(stuck);
    this.#parts.keeper.askFor(this.#ask?.clusters ?? []);
  }

  get #now(): number {
    return this.#parts.clock.monotonic();
  }

  #isInVain(ask: Ask, stuck: readonly Stuck[]): boolean {
    const { keeper } = this.#parts;
    if (this.#now - ask.since >= TURN_SECONDS) return true;
    if (!ask.clusters.every((one) => keeper.mayTake(one))) return true;
    const isHeld = ask.clusters.every((one) => keeper.mayAct(one) !== undefined);
    ask.heldSince = isHeld ? (ask.heldSince ?? this.#now) : undefined;
    const heldFor = this.#now - (ask.heldSince ?? this.#now);
    return heldFor >= HELPS_WITHIN_SECONDS && stuck.some(({ vm }) => vm === ask.vm);
  }

  #next(stuck: readonly Stuck[]): Ask | undefined {
    for (const { vm, finding, from, to } of stuck) {
      const clusters = [leaseScope(from), leaseScope(to)].toSorted(compareText);
      const rested = this.#now - (this.#resting.get(nameOf(clusters)) ?? Number.NEGATIVE_INFINITY);
      if (rested < TURN_SECONDS || ![from, to].every((host) => this.#mayUse(host))) continue;
      const since = this.#now;
      return { vm, finding, host: from.id, clusters, since, heldSince: undefined };
    }
    return undefined;
  }

  #mayUse(host: Host): boolean {
    const { keeper, policies } = this.#parts;
    return keeper.mayTake(leaseScope(host)) && modeOf(host, policies.policies) !== 'observe';
  }
}

function nameOf(clusters: readonly ClusterId[]): string {
  return JSON.stringify(clusters);
}

function stands({ finding, host, vm }: Ask, { findings, snapshot }: LeftOpen): boolean {
  return vmOf(snapshot, vm)?.host === host && findings.some(({ id }) => id === finding);
}

/** In the plan's order: what has to be done, and what is owed (VMs come home). */
function stuckIn({ findings, result, snapshot }: LeftOpen): readonly Stuck[] {
  const pressing = new Set(
    findings
      .filter(({ tier, response }) => tier === 'mandatory' || response === 'return')
      .map(({ id }) => id),
  );
  return (result?.report.unresolved ?? []).flatMap(({ finding, pairs }) => {
    if (finding === undefined || !pressing.has(finding)) return [];
    return pairs.flatMap(({ code, vm, host }) => {
      const at = vmOf(snapshot, vm)?.host;
      const from = at === undefined ? undefined : hostOf(snapshot, at);
      const to = hostOf(snapshot, host);
      const isStuck = code === 'other-controller' && from !== undefined && to !== undefined;
      return isStuck ? [{ vm, finding, from, to }] : [];
    });
  });
}
