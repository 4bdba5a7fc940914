/**
 * Which clusters this controller has to have in one hand. A move needs the leases of both its ends:
 * where a VM that has to leave could go only to a host on which another controller acts, neither of
 * the two can move it. So the one that has the VM asks for its cluster and for that of such a host
 * (Controller.asks), and gets them as soon as nothing moves there.
 *
 * It asks for one more cluster at a time, when those that it has by then do not help: the others
 * are to keep theirs. It asks until the VM is elsewhere, or nothing wants it away any more, also
 * while the move is planned and waits (for a person, a window, a free place): else both would be
 * parted before it can begin. What did not help within 15 minutes is given up for an hour, for
 * others may ask for the same.
 */

import type { Finding } from '../domain/finding.ts';
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
import type { Refusal } from '../domain/refusal.ts';
import { hostOf, vmOf } from '../domain/snapshot-index.ts';
import type { LeaseKeeper } from '../execute/lease-keeper.ts';
import { modeOf } from '../execute/mode.ts';
import type { Clock } from '../ports/clock.ts';
import type { PolicyStore } from './policy-store.ts';
import type { TickState } from './tick.ts';

const GIVEN_UP_SECONDS = 900;
const AGAIN_SECONDS = 3600;

/** What of a tick's state says what is left open. */
export interface LeftOpen extends Pick<TickState, 'snapshot' | 'findings'> {
  readonly result: { readonly report: Pick<PlanReport, 'unresolved'> } | undefined;
}

export interface LeaseNeedsParts {
  readonly keeper: Pick<LeaseKeeper, 'askFor' | 'mayAct' | 'mayTake'>;
  readonly policies: Pick<PolicyStore, 'policies'>;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/** Of one VM. */
interface Need {
  readonly finding: FindingId;
  readonly host: HostId;
  readonly clusters: readonly ClusterId[];
  /** Since when all is held that it asks for, and does not help; undefined: it helps, or is not. */
  readonly inVainSince: number | undefined;
}

/** A VM, why it has to leave, and a host that refuses it. */
interface Stuck extends Pick<Refusal, 'vm' | 'host' | 'code'> {
  readonly finding: Finding;
}

export class LeaseNeeds {
  readonly #parts: LeaseNeedsParts;
  #needs: ReadonlyMap<VmId, Need> = new Map();
  /** When it was given up. */
  readonly #resting = new Map<VmId, number>();

  constructor(parts: LeaseNeedsParts) {
    this.#parts = parts;
  }

  /** After each tick. */
  look(state: LeftOpen): void {
    const { keeper } = this.#parts;
    const stuck = stuckIn(state);
    const standing = [...this.#needs].filter(([vm, need]) => stands(vm, need, state));
    const asked = new Set(standing.flatMap(([, { clusters }]) => clusters));
    const hasAll = [...asked].every((one) => keeper.mayAct(one) !== undefined);
    this.#needs = new Map(this.#aged(standing, hasAll, new Set(stuck.map(({ vm }) => vm))));
    if (hasAll && state.result !== undefined) this.#askForMore(stuck, asked, state);
    keeper.askFor([...this.#needs.values()].flatMap(({ clusters }) => clusters));
  }

  /** Without those that were given up just now. */
  #aged(
    needs: readonly (readonly [VmId, Need])[],
    hasAll: boolean,
    stuck: ReadonlySet<VmId>,
  ): readonly (readonly [VmId, Need])[] {
    const now = this.#parts.clock.monotonic();
    return needs.flatMap(([vm, need]) => {
      const inVainSince = hasAll && stuck.has(vm) ? (need.inVainSince ?? now) : undefined;
      if (now - (inVainSince ?? now) < GIVEN_UP_SECONDS) return [[vm, { ...need, inVainSince }]];
      this.#resting.set(vm, now);
      return [];
    });
  }

  /** For the first VM that another cluster may help: one cluster more. */
  #askForMore(stuck: readonly Stuck[], asked: ReadonlySet<ClusterId>, state: LeftOpen): void {
    for (const { vm, host, code, finding } of stuck) {
      const from = hostOf(state.snapshot, vmOf(state.snapshot, vm)?.host ?? host);
      const to = hostOf(state.snapshot, host);
      if (code !== 'other-controller' || from === undefined || to === undefined) continue;
      if (this.#isResting(vm) || ![from, to].every((one) => this.#mayUse(one))) continue;
      if (asked.has(leaseScope(to))) continue;
      const before = this.#needs.get(vm)?.clusters ?? [leaseScope(from)];
      const clusters = [...before, leaseScope(to)].toSorted(compareText);
      const need = { finding: finding.id, host: from.id, clusters, inVainSince: undefined };
      this.#needs = new Map([...this.#needs, [vm, need]]);
      return;
    }
  }

  #isResting(vm: VmId): boolean {
    const since = this.#resting.get(vm);
    return since !== undefined && this.#parts.clock.monotonic() - since < AGAIN_SECONDS;
  }

  #mayUse(host: Host): boolean {
    const { keeper, policies } = this.#parts;
    return keeper.mayTake(leaseScope(host)) && modeOf(host, policies.policies) !== 'observe';
  }
}

function stands(vm: VmId, { finding, host }: Need, { findings, snapshot }: LeftOpen): boolean {
  return vmOf(snapshot, vm)?.host === host && findings.some(({ id }) => id === finding);
}

/** What has to be done is left open, or what is owed: VMs come home. */
function stuckIn({ findings, result }: LeftOpen): readonly Stuck[] {
  const pressing = new Map(
    findings
      .filter(({ tier, response }) => tier === 'mandatory' || response === 'return')
      .map((finding) => [finding.id, finding]),
  );
  return (result?.report.unresolved ?? []).flatMap(({ finding: id, pairs }) => {
    const finding = id === undefined ? undefined : pressing.get(id);
    return finding === undefined ? [] : pairs.map((pair) => ({ ...pair, finding }));
  });
}
