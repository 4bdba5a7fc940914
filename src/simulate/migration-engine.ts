/**
 * All migrations of a datacenter: who gets how much of the links, which phase ends next, what can
 * be ordered of them. Time comes in with every call; between two events all rates are constant, so
 * a migration costs a handful of steps however long it takes.
 */

import type { HostId, VmId } from '../domain/ids.ts';
import type { SharedLink } from '../domain/links.ts';
import { assertNever, fail, ok } from '../domain/result.ts';
import { bytes, seconds } from '../domain/units.ts';
import type { Job, MoveOrder, Steering } from '../ports/hypervisor.ts';
import type { AdapterErrorCode, Attempt } from '../ports/metric-source.ts';
import { fairShares } from './fair-share.ts';
import type { BreakStage } from './fault.ts';
import { DISK_BANDWIDTH, STALL_SECONDS } from './migration-model.ts';
import { MigrationPhases, type EndedMigration, type Ground } from './migration-phases.ts';
import { MigrationRun, PHASES, type Load } from './migration-run.ts';

export const ACCEPTED: Attempt = ok(undefined);

export function decline(code: AdapterErrorCode, detail: string): Attempt {
  return fail({ code, detail });
}

/** What is beside the usual about a migration. */
export interface Manner {
  readonly breaks: BreakStage | undefined;
  /** For so long the platform only has it in its queue. */
  readonly queueSeconds: number;
}

/** The links that a migration goes over, by name: out of its source, into its target, between. */
interface Way {
  readonly out: string;
  readonly into: string;
  readonly shared: readonly SharedLink[];
  readonly links: readonly string[];
}

export class MigrationEngine {
  readonly #ground: Ground;
  readonly #phases: MigrationPhases;
  /** In the order of their start. */
  readonly #runs = new Map<VmId, MigrationRun>();
  readonly #ways = new WeakMap<MigrationRun, Way>();
  readonly #lastEnded = new Map<VmId, EndedMigration>();
  readonly #history: EndedMigration[] = [];

  constructor(ground: Ground) {
    this.#ground = ground;
    this.#phases = new MigrationPhases(ground, (ended) => {
      this.#runs.delete(ended.order.vm);
      this.#lastEnded.set(ended.order.vm, ended);
      this.#history.push(ended);
    });
  }

  run(vm: VmId): MigrationRun | undefined {
    return this.#runs.get(vm);
  }

  runs(): IterableIterator<MigrationRun> {
    return this.#runs.values();
  }

  /** Every migration that has ended, in that order. */
  history(): readonly EndedMigration[] {
    return this.#history;
  }

  /** Starts a migration that was found permissible; the guest must not be migrating. */
  start(order: MoveOrder, load: Load, at: number, { breaks, queueSeconds }: Manner): void {
    const run = new MigrationRun(order, load, at, breaks);
    this.#runs.set(order.vm, run);
    if (queueSeconds > 0) run.enterTimed('queued', queueSeconds);
    else this.#phases.begin(run, at);
    this.reshare(at);
  }

  steer(order: MoveOrder, steering: Steering, at: number): Attempt {
    const run = this.#runOf(order);
    if (run === undefined) return decline('not-found', 'no such migration is under way');
    this.#carry(at);
    switch (steering.kind) {
      case 'downtime-limit':
        run.downtimeLimit = steering.seconds;
        break;
      case 'bandwidth':
        run.bandwidth = steering.bandwidth;
        break;
      case 'auto-converge':
        run.autoConverge = true;
        break;
      case 'post-copy': {
        const attempt = this.#askPostCopy(run, at);
        if (!attempt.ok) return attempt;
        break;
      }
      default:
        assertNever(steering, 'steering');
    }
    this.reshare(at);
    return ACCEPTED;
  }

  abort(order: MoveOrder, at: number): Attempt {
    const run = this.#runOf(order);
    if (run === undefined) {
      const hasNotLeft = this.#ground.copies.get(order.vm, order.from)?.state === 'running';
      return hasNotLeft ? ACCEPTED : decline('refused', 'the guest is not on the source any more');
    }
    if (!PHASES[run.phase].abortable) {
      return decline('refused', `past the point of no return (${run.phase})`);
    }
    this.#carry(at);
    this.#phases.fail(run, 'aborted', at);
    this.#ground.copies.set(order.vm, order.to, undefined, at);
    this.reshare(at);
    return ACCEPTED;
  }

  /** Resumes a post-copy that broke, if its link carries again. True: it was one. */
  resume(run: MigrationRun, at: number): boolean {
    if (run.phase !== 'post-copy-broken') return false;
    const { from, to, vm } = run.order;
    const { copies } = this.#ground;
    const isLinked = this.#ground.linkCapacity(from) > 0 && this.#ground.linkCapacity(to) > 0;
    const hasMemory = copies.get(vm, from)?.state === 'paused';
    if (!isLinked || !hasMemory) return true;
    this.#carry(at);
    copies.set(vm, to, { state: 'post-copy', persistent: false }, at);
    run.resumeGuest();
    run.enterTransfer('post-copy', run.leftAt(at));
    this.reshare(at);
    return true;
  }

  job(order: MoveOrder, at: number): Job {
    const run = this.#runOf(order);
    if (run !== undefined) return { kind: 'running', progress: run.progress(at) };
    const ended = this.#lastEnded.get(order.vm);
    if (ended === undefined || !isSameWay(ended.order, order)) return { kind: 'none' };
    return {
      kind: 'ended',
      ok: ended.ok,
      detail: ended.detail,
      downtimeSeconds: ended.ok ? seconds(ended.downtimeSeconds) : undefined,
      bytes: bytes(Math.round(ended.bytes)),
    };
  }

  /** When the next phase ends or the next stall is given up; Infinity: nothing is under way. */
  nextAt(): number {
    let next = Infinity;
    for (const run of this.#runs.values()) next = Math.min(next, nextEventOf(run));
    return next;
  }

  /** Brings all migrations to `at` and carries out what is due there. */
  step(at: number): void {
    this.#carry(at);
    for (const run of this.#runs.values()) {
      if (run.stalledSince !== undefined && run.stalledSince + STALL_SECONDS <= at) {
        this.#phases.stall(run, at);
      } else if (run.nextAt() <= at) this.#phases.endPhase(run, at);
    }
    this.reshare(at);
  }

  /** Divides the links anew; to be called whenever a link, a load or the set of runs changes. */
  reshare(at: number): void {
    if (this.#runs.size === 0) return;
    this.#carry(at);
    const sending = [...this.#runs.values()].filter(
      ({ phase }) => PHASES[phase].kind === 'transfer',
    );
    const capacities = new Map<string, number>();
    const flows = sending.map((run) => {
      const { from, to } = run.order;
      const { out, into, shared, links } = this.#wayOf(run);
      if (!capacities.has(out)) capacities.set(out, this.#ground.linkCapacity(from));
      if (!capacities.has(into)) capacities.set(into, this.#ground.linkCapacity(to));
      for (const { name, bandwidth } of shared) capacities.set(name, bandwidth);
      return { links, limit: limitOf(run) };
    });
    const rates = fairShares(flows, capacities);
    for (const [index, run] of sending.entries()) {
      run.rate = rates[index] ?? 0;
      run.dirtyRate = this.#ground.dirtyRate(run.order.vm) * (1 - run.throttle.share);
      const isStalled = run.rate === 0 && run.leftAt(at) > 0;
      run.stalledSince = isStalled ? (run.stalledSince ?? at) : undefined;
    }
  }

  /** The same all the way: where links are laid never changes. */
  #wayOf(run: MigrationRun): Way {
    const known = this.#ways.get(run);
    if (known !== undefined) return known;
    const { from, to } = run.order;
    const [out, into] = [`out ${from}`, `in ${to}`];
    const shared = this.#ground.sharedLinks(from, to);
    const way = { out, into, shared, links: [out, into, ...shared.map(({ name }) => name)] };
    this.#ways.set(run, way);
    return way;
  }

  /** A host lost its power; its copies are gone already. */
  hostLost(host: HostId, at: number): void {
    this.#carry(at);
    for (const run of this.#runs.values()) {
      const { from, to } = run.order;
      if (from === host) this.#phases.sourceLost(run, at);
      else if (to === host) this.#phases.targetLost(run, at);
    }
    this.reshare(at);
  }

  #runOf(order: MoveOrder): MigrationRun | undefined {
    const run = this.#runs.get(order.vm);
    return run !== undefined && isSameWay(run.order, order) ? run : undefined;
  }

  #carry(at: number): void {
    for (const run of this.#runs.values()) run.carry(at);
  }

  #askPostCopy(run: MigrationRun, at: number): Attempt {
    if (run.phase.startsWith('post-copy')) {
      this.resume(run, at);
      return ACCEPTED;
    }
    if (!run.order.allowPostCopy && run.order.method !== 'post-copy') {
      return decline('refused', 'the migration was not started with post-copy allowed');
    }
    if (run.phase !== 'pre-copy') return decline('refused', `too early or too late (${run.phase})`);
    this.#phases.switchToPostCopy(run, at);
    return ACCEPTED;
  }
}

function nextEventOf(run: MigrationRun): number {
  const stallEnds = run.stalledSince === undefined ? Infinity : run.stalledSince + STALL_SECONDS;
  return Math.min(run.nextAt(), stallEnds);
}

/** The last bytes are sent without a limit, as QEMU does; disks are slower than links. */
function limitOf(run: MigrationRun): number {
  if (run.phase === 'stopped' || run.phase === 'post-copy') return Infinity;
  const isDisk = run.phase === 'storage' || run.phase === 'cold-copy';
  return isDisk ? Math.min(run.bandwidth, DISK_BANDWIDTH) : run.bandwidth;
}

function isSameWay(a: MoveOrder, b: MoveOrder): boolean {
  return a.vm === b.vm && a.from === b.from && a.to === b.to;
}
