/**
 * Hosts while a search overfills them: by how much each carries more than it may in the end, and
 * what relieving it costs at least, as it is or if one more VM comes. Where a job asks for relief
 * that is by the load in the end; elsewhere the host counts as a target, and only once it took
 * somebody in.
 */

import type { Job } from './clear.ts';
import type { Step } from './eject.ts';
import { Glance } from './glance.ts';
import { CPU_AT } from './model.ts';
import { ReliefBound } from './relief-bound.ts';
import type { State, Terms } from './state.ts';

/** A host that is overfilled counts as such from this share above its limit. */
const ROUNDING = 1e-9;

export class Overfill {
  /** What it costs at least that so much leaves a host. */
  readonly leaving: ReliefBound;
  /** Per host and resource: 1 where a job asks for relief. */
  readonly #asked: Uint8Array;
  /** Per host and resource: what it may carry in the end; of hosts without a job as a target. */
  readonly #most: Float64Array;
  /** The same with what rounding may add. */
  readonly #fits: Float64Array;
  /** Per host: how many VMs of the plan it takes in. */
  readonly #arrived: Int32Array;
  /** Per host: 1 where it has a job. */
  readonly #hasJob: Uint8Array;
  readonly #glance: Glance;
  readonly #state: State;

  constructor(state: State, jobs: readonly Job[], residents: (host: number) => readonly number[]) {
    const { model } = state;
    this.#state = state;
    this.leaving = new ReliefBound(model, residents);
    this.#most = model.limit.slice();
    this.#arrived = new Int32Array(model.hosts.length);
    this.#asked = new Uint8Array(model.limit.length);
    this.#hasJob = new Uint8Array(model.hosts.length);
    for (const { task } of jobs) {
      this.#hasJob[task.host] = 1;
      for (const terms of [task.reliefTerms, task.repairTerms]) this.#lower(terms);
    }
    for (const { task } of jobs) {
      const at = task.host * model.width + task.resource;
      this.#most[at] = Math.min(this.#most[at] ?? 0, task.below);
      if (task.relief !== undefined) this.#asked[at] = 1;
    }
    this.#fits = this.#most.map((most) => most + ROUNDING * Math.max(1, most));
    this.#glance = new Glance(state, this.#fits, residents);
  }

  #lower({ limit }: Terms): void {
    for (let at = 0; at < limit.length; at += 1) {
      const most = limit[at] ?? 0;
      if (most < (this.#most[at] ?? 0)) this.#most[at] = most;
    }
  }

  /** Looks at all hosts anew; the steps that are kept are made. */
  begin(kept: readonly Step[]): void {
    this.#arrived.fill(0);
    for (const { to } of kept) this.#arrived[to] = (this.#arrived[to] ?? 0) + 1;
    for (let h = 0; h < this.#arrived.length; h += 1) this.#see(h);
  }

  /** A VM came, which is made (1), or went back, which is undone (-1). */
  count(from: number, to: number, sign: 1 | -1): void {
    this.#arrived[to] = (this.#arrived[to] ?? 0) + sign;
    this.#see(from);
    this.#see(to);
  }

  #see(host: number): void {
    const mayBeShort = this.#arrived[host] !== 0 || this.#hasJob[host] === 1;
    this.#glance.see(host, mayBeShort && this.shortOf(host) >= 0);
  }

  /** Whether the host is to be cleared of something. */
  hasJob(host: number): boolean {
    return this.#hasJob[host] === 1;
  }

  /** CPU that is free on the host up to what it may carry. */
  freeCpu(host: number): number {
    return this.#glance.free[host] ?? 0;
  }

  /** Hosts where so much CPU finds room, then those where making it may cost less than `slack`. */
  candidates(cpu: number, slack: number): readonly number[] {
    return this.#glance.candidates(cpu, slack);
  }

  /** Whether so much CPU finds no room there, and making it costs `slack` or more; a fast look. */
  rulesOut(host: number, cpu: number, slack: number): boolean {
    return this.#glance.rulesOut(host, cpu, slack);
  }

  /** What others cost at least who give way for the VM, wherever it goes, if less than `below`. */
  pushOf(vm: number, terms: Terms, below: number): number {
    const cpu = this.#state.model.need[vm * this.#state.model.width + CPU_AT] ?? 0;
    let push = below;
    for (const to of this.#glance.candidates(cpu, below)) {
      if (push === 0) break;
      if (this.#glance.rulesOut(to, cpu, push)) continue;
      if (!this.#state.isReachable(vm, to, terms)) continue;
      push = this.hasRoom(vm, to) ? 0 : Math.min(push, this.extraOf(vm, to, push));
    }
    return push;
  }

  /** The first resource of which the host carries too much; -1: of none. */
  shortOf(host: number): number {
    const { width } = this.#state.model;
    for (let r = 0; r < width; r += 1) if (this.missing(host, r) > 0) return r;
    return -1;
  }

  /** What has to leave, in the resource's unit; 0: nothing. */
  missing(host: number, resource: number): number {
    const { width } = this.#state.model;
    const at = host * width + resource;
    const most = this.#most[at] ?? 0;
    const isAsked = this.#asked[at] === 1;
    if (!isAsked && this.#arrived[host] === 0) return 0;
    const load = isAsked ? this.#state.net[at] : this.#state.later[at];
    const over = (load ?? 0) - most;
    return over > ROUNDING * Math.max(1, most) ? over : 0;
  }

  /** Whether nobody need leave the host if the VM comes. */
  hasRoom(vm: number, to: number): boolean {
    const { later, model } = this.#state;
    const { width, need } = model;
    const fits = this.#fits;
    for (let r = 0; r < width; r += 1) {
      const wanted = need[vm * width + r] ?? 0;
      const at = to * width + r;
      if (wanted > 0 && (later[at] ?? 0) + wanted > (fits[at] ?? 0)) return false;
    }
    return true;
  }

  /**
   * What others have to be moved for at least if the VM comes, for which there is not enough room;
   * infinite: `slack` or more.
   */
  extraOf(vm: number, to: number, slack: number): number {
    const state = this.#state;
    const { width, need } = state.model;
    const before = this.least(to);
    if (before === 0 && this.#glance.isDear(to, slack)) return Infinity;
    let extra = 0;
    for (let r = 0; r < width; r += 1) {
      const wanted = need[vm * width + r] ?? 0;
      if (wanted <= 0) continue;
      const at = to * width + r;
      const over = (state.later[at] ?? 0) + wanted - (this.#most[at] ?? 0);
      if ((state.later[at] ?? 0) + wanted <= (this.#fits[at] ?? 0)) continue;
      // Most drop out by the bound that is had for less.
      if (!(this.leaving.quick(to, r, over) - before < slack)) return Infinity;
      extra = Math.max(extra, this.#leastFor(to, r, over));
      // Not a number where the host cannot be relieved even as it is.
      if (!(extra - before < slack)) return Infinity;
    }
    return Math.max(0, extra - before);
  }

  /** The least that relieving the host costs as things stand. */
  least(host: number): number {
    let most = 0;
    const { width } = this.#state.model;
    for (let r = 0; r < width; r += 1) {
      const missing = this.missing(host, r);
      if (missing > 0) most = Math.max(most, this.#leastFor(host, r, missing));
    }
    return most;
  }

  /** Exact where a host has a job: there it is much, and the relaxation too far below. */
  #leastFor(host: number, resource: number, missing: number): number {
    if (this.#hasJob[host] === 1) return this.leaving.exact(host, resource, missing);
    return this.leaving.quick(host, resource, missing);
  }
}
