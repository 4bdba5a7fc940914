/**
 * Several hosts cleared together: a depth-first search over who leaves and where to, in which any
 * host may be overfilled for the moment and is then relieved in turn. The sum of what each of the
 * overfilled hosts costs at least (a knapsack each) bounds what is left, so little room above the
 * bound means few branches.
 *
 * What counts is the load in the end, so that a host that was cleared takes others in and what one
 * gives free serves several. Whether there is an order in which every step is valid by itself is
 * asked of each placement that is found; one without is not taken.
 */

import type { Job } from './clear.ts';
import type { Leaver, Step } from './eject.ts';
import type { Grain } from './grain.ts';
import { type Placed, inTurn } from './in-turn.ts';
import { CPU_AT } from './model.ts';
import { Overfill } from './overfill.ts';
import type { State } from './state.ts';

/** Targets that are tried for one VM, those first that make least of a follow-up necessary. */
const MAX_TARGETS = 4;

export interface Found {
  /** All steps, those that were kept and the new ones, in an order in which they can be made. */
  readonly steps: readonly Step[];
  /** What the new ones cost. */
  readonly cost: number;
}

export class Resettler {
  readonly #state: State;
  readonly #jobs: readonly (readonly Job[])[];
  /** Hosts as they are while the search overfills them. */
  readonly overfill: Overfill;
  #kept: readonly Placed[] = [];
  #chosen: readonly number[] = [];
  readonly #stack: Placed[] = [];
  #cost = 0;
  #bound = 0;
  #nodes = 0;
  #best: Found | undefined;

  constructor(state: State, jobs: readonly Job[], residents: (host: number) => readonly number[]) {
    this.#state = state;
    this.overfill = new Overfill(state, jobs, residents);
    const byHost: Job[][] = Array.from({ length: state.model.hosts.length }, () => []);
    for (const job of jobs) byHost[job.task.host]?.push(job);
    this.#jobs = byHost;
  }

  /**
   * Clears the hosts for less than `below`, beside the steps that are kept, which are made.
   * The state is left as it was. Undefined: nothing was found within so many nodes.
   */
  solve(
    hosts: readonly number[],
    kept: readonly Step[],
    { below, nodes }: { readonly below: number; readonly nodes: number },
  ): Found | undefined {
    this.overfill.begin(kept);
    this.#kept = kept;
    this.#chosen = hosts;
    this.#best = undefined;
    this.#bound = below;
    this.#nodes = nodes;
    this.#cost = 0;
    this.#settle(hosts.reduce((sum, host) => sum + this.overfill.least(host), 0));
    return this.#best;
  }

  /** Whether the last search ended for want of nodes. */
  get isCutShort(): boolean {
    return this.#nodes <= 0;
  }

  get grain(): Grain {
    return this.overfill.leaving.grain;
  }

  /** The least that clearing these hosts costs as things stand, whatever room there is. */
  leastOf(hosts: readonly number[], kept: readonly Step[]): number {
    this.overfill.begin(kept);
    return hosts.reduce((sum, host) => sum + this.overfill.least(host), 0);
  }

  /**
   * The next host that carries too much: who was overfilled last comes first. `rest` is what
   * relieving all of them costs at least.
   */
  #settle(rest: number): void {
    const host = this.#overfilled();
    if (host < 0) this.#keep();
    else this.#relieve({ host, resource: -1, from: 0, others: rest - this.overfill.least(host) });
  }

  #overfilled(): number {
    for (let at = this.#stack.length - 1; at >= 0; at -= 1) {
      const host = this.#stack[at]?.to ?? -1;
      if (this.#isOver(host)) return host;
    }
    for (const host of this.#chosen) if (this.#isOver(host)) return host;
    return -1;
  }

  #isOver(host: number): boolean {
    return this.overfill.shortOf(host) >= 0 || this.#crowded(host) !== undefined;
  }

  /** Members of a group of whom too many are left on the host. */
  #crowded(
    host: number,
  ): { readonly members: readonly number[]; readonly leaver: Omit<Leaver, 'vm'> } | undefined {
    for (const { task } of this.#jobs[host] ?? []) {
      for (const { members, finding } of task.crowds) {
        let left = 0;
        for (const v of members) if (this.#state.at[v] === host) left += 1;
        if (left > 1) return { members, leaver: { terms: task.repairTerms, finding } };
      }
    }
    return undefined;
  }

  /** Lets one more VM leave the host. */
  #relieve({ host, resource: before, from, others }: Turn): void {
    if (this.#nodes <= 0) return;
    this.#nodes -= 1;
    const crowd = this.#crowded(host);
    if (crowd !== undefined) {
      const turn = { host, resource: -1, from: 0, others };
      for (const vm of crowd.members) {
        if (this.#state.at[vm] === host) this.#try({ vm, ...crowd.leaver }, turn, 0);
      }
      return;
    }
    const resource = this.overfill.shortOf(host);
    if (resource < 0) return this.#settle(others);
    const leaver = this.#leaverOf(host, resource);
    if (leaver === undefined) return;
    const { width, held, cost } = this.#state.model;
    const items = this.overfill.leaving.of(host, resource).vms;
    const missing = this.overfill.missing(host, resource);
    for (let at = resource === before ? from : 0; at < items.length && this.#nodes > 0; at += 1) {
      const vm = items[at] ?? -1;
      const bound = this.#bound - this.#cost - others;
      if (this.#relaxed(items, at, missing, resource) >= bound) return;
      if (this.#state.stuck(vm, leaver.terms) !== 0) continue;
      const left = missing - (held[vm * width + resource] ?? 0);
      const own = this.#relaxed(items, at + 1, left, resource);
      if ((cost[vm] ?? 0) + own >= bound) continue;
      this.#try({ vm, ...leaver }, { host, resource, from: at + 1, others }, own);
    }
  }

  /** Why VMs leave the host: for its own sake, or for the sake of whom it took in last. */
  #leaverOf(host: number, resource: number): Omit<Leaver, 'vm'> | undefined {
    for (const { task } of this.#jobs[host] ?? []) {
      if (task.relief !== undefined && task.resource === resource) {
        return { terms: task.reliefTerms, finding: task.relief };
      }
    }
    const asker =
      this.#stack.findLast(({ to }) => to === host) ?? this.#kept.findLast(({ to }) => to === host);
    return asker === undefined ? undefined : { terms: asker.terms, finding: asker.finding };
  }

  /** The VM leaves the host; `own` is what the host still costs at least after that. */
  #try(leaver: Leaver, turn: Turn, own: number): void {
    const state = this.#state;
    const least = (state.model.cost[leaver.vm] ?? 0) + state.due(leaver.vm);
    if (state.stuck(leaver.vm, leaver.terms) !== 0) return;
    const slack = this.#bound - this.#cost - least - turn.others - own;
    for (const { to, extra, path } of this.#targets(leaver, slack)) {
      const price = least + path;
      const from = state.at[leaver.vm] ?? -1;
      state.apply(leaver.vm, to);
      this.overfill.count(from, to, 1);
      this.#cost += price;
      this.#stack.push({ ...leaver, to });
      this.#relieve(extra === 0 ? turn : { ...turn, others: turn.others + extra });
      this.#stack.pop();
      this.#cost -= price;
      state.undo(leaver.vm);
      this.overfill.count(from, to, -1);
      if (this.#nodes <= 0) return;
    }
  }

  /** Hosts that could take the VM for less than `slack` of follow-ups, the best first. */
  #targets({ vm, terms }: Leaver, slack: number): readonly Target[] {
    const state = this.#state;
    const { width, need, prices } = state.model;
    const overfill = this.overfill;
    const from = state.at[vm] ?? -1;
    const cpu = need[vm * width + CPU_AT] ?? 0;
    const found: Target[] = [];
    // Once there are as many as are tried, what is dearer than the last of them is of no interest.
    let below = slack;
    // Where all cost nothing beyond the VM itself, they differ in the room that is left there.
    const isPlain = !state.isParticular(vm);
    let mostRoom = Infinity;
    for (const to of overfill.candidates(cpu, slack)) {
      if (overfill.freeCpu(to) - cpu > mostRoom) continue;
      if (overfill.rulesOut(to, cpu, below) || to === from || state.closed[to] === 1) continue;
      const extra = overfill.hasRoom(vm, to) ? 0 : overfill.extraOf(vm, to, below);
      const path = prices?.beyond(vm, to) ?? 0;
      if (!(extra + path < below)) continue;
      const room = overfill.freeCpu(to) - cpu;
      const target = { to, extra, path, strain: state.strain(vm, to), room };
      let place = found.length;
      for (; place > 0; place -= 1) if (isBetter(found[place - 1], target)) break;
      if (place === MAX_TARGETS || state.barrier(vm, to, terms, 'in-the-end') !== 0) continue;
      found.splice(place, 0, target);
      if (found.length > MAX_TARGETS) found.pop();
      const last = found[MAX_TARGETS - 1];
      if (last === undefined) continue;
      below = Math.min(below, justAbove(last.extra + last.path));
      if (isPlain && last.extra === 0) mostRoom = last.room;
    }
    return found;
  }

  /** The least that `missing` costs of the items from `from` on, if they could be cut. */
  // oxlint-disable-next-line max-params -- a list, a place in it, and how much of what
  #relaxed(items: Int32Array, from: number, missing: number, resource: number): number {
    const { width, held, cost } = this.#state.model;
    let left = missing;
    let sum = 0;
    for (let at = from; left > 0 && at < items.length; at += 1) {
      const v = items[at] ?? -1;
      if (this.#state.moved[v] === 1) continue;
      const gain = held[v * width + resource] ?? 0;
      sum += (cost[v] ?? 0) * Math.min(1, left / gain);
      left -= gain;
    }
    return left > 0 ? Infinity : this.overfill.leaving.grain.raised(sum * (1 - 1e-12));
  }

  /** Takes what is placed now, where there is an order for it. */
  #keep(): void {
    if (this.#cost >= this.#bound) return;
    const hasJob = (host: number): boolean => this.overfill.hasJob(host);
    const steps = inTurn(this.#state, [...this.#kept, ...this.#stack], hasJob);
    if (steps === undefined) return;
    this.#best = { steps, cost: this.#cost };
    this.#bound = this.#cost;
  }
}

/** Where the search for who leaves a host goes on. */
interface Turn {
  readonly host: number;
  /** The list in which it goes on, and the place; -1: it begins anew. */
  readonly resource: number;
  readonly from: number;
  /** What the other hosts that are overfilled cost at least. */
  readonly others: number;
}

interface Target {
  readonly to: number;
  /** What others have to be moved for at least if it is taken. */
  readonly extra: number;
  /** What the way there costs beyond the VM's least price. */
  readonly path: number;
  /** How many VMs more stand against soft rules then. */
  readonly strain: number;
  /** The CPU that is free there then. */
  readonly room: number;
}

/** The least number that is told apart from this one as more. */
function justAbove(cost: number): number {
  return Math.max(Number.MIN_VALUE, cost * (1 + 2 * Number.EPSILON));
}

function isBetter(a: Target | undefined, than: Target): boolean {
  if (a === undefined) return false;
  const more = a.extra + a.path - (than.extra + than.path);
  return (more || a.strain - than.strain || a.room - than.room || a.to - than.to) < 0;
}
