// Role: whether a move puts more load on its target than the policy lets. What a guest uses changes
// between plan and move, and who judges it takes means of what was measured; so the judge is on the
// safe side: of every guest the least that any controller was told of it lately.
import type { HostId, VmId } from '../../src/domain/ids.ts';
import type { Move } from '../../src/domain/plan.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { HostFacts, VmFacts } from '../../src/ports/hypervisor.ts';
import type { Reading } from '../../src/ports/metric-source.ts';
import type { Wrong } from './invariants.ts';

/** The window of the means, and what may pass from the last look at them to the start. */
const LATELY_SECONDS = 300 + 180;
/** What has to leave its host may take a target so much above its share. */
const MANDATORY_TOLERANCE = 0.05;
/** No guest has so many. */
const MOST_THREADS = 1000;

interface Use {
  readonly at: number;
  /** What it had and what it waited for, in threads of a host of speed 1. */
  readonly cores: number;
}

export class LoadJudge {
  readonly #clock: Clock;
  readonly #hosts: ReadonlyMap<HostId, HostFacts>;
  readonly #share: number;
  readonly #runningOn: (vm: VmId) => readonly HostId[];
  readonly #uses = new Map<VmId, Use[]>();

  /** `share`: of its CPU that no target may exceed, 0..1. */
  // oxlint-disable-next-line max-params -- when, on what, where, and how much may be
  constructor(
    clock: Clock,
    hosts: ReadonlyMap<HostId, HostFacts>,
    runningOn: (vm: VmId) => readonly HostId[],
    share: number,
  ) {
    this.#clock = clock;
    this.#runningOn = runningOn;
    this.#hosts = hosts;
    this.#share = share;
  }

  /** What a source answers. What can not be true is left out, as it has to be. */
  onReading({ samples }: Reading): void {
    const at = this.#clock.monotonic();
    const sums = new Map<VmId, number>();
    for (const { entity, metric, value } of samples) {
      const isCpu = metric === 'cpu.used' || metric === 'cpu.steal';
      if (entity.kind !== 'vm' || !isCpu) continue;
      sums.set(entity.vm, (sums.get(entity.vm) ?? 0) + value);
    }
    for (const [vm, threads] of sums) {
      if (!(threads >= 0 && threads < MOST_THREADS)) continue;
      const uses = (this.#uses.get(vm) ?? []).filter((use) => at - use.at <= LATELY_SECONDS);
      this.#uses.set(vm, [...uses, { at, cores: threads * this.#speedAt(vm) }]);
    }
  }

  /**
   * A hypervisor is asked to start the move; `vms`: all that its target would hold. Whose target
   * another of those under way may fill above its share is not asked about.
   */
  onStart(
    move: Move,
    others: readonly Move[],
    vms: readonly VmFacts[],
  ): readonly Omit<Wrong, 'at'>[] {
    const host = this.#hosts.get(move.to);
    const most = this.#most(move);
    const isOver = others.some(({ to, overCpu }) => to === move.to && overCpu === true);
    if (host === undefined || most === undefined || isOver) return [];
    const { threads, coreSpeed } = host.cpu;
    const used = vms.map(({ id, vcpus }) => Math.min(vcpus * coreSpeed, this.#leastOf(id)));
    const load = used.reduce((sum, one) => sum + one, 0) / (threads * coreSpeed);
    if (load <= most) return [];
    const shares = `${Math.round(100 * load)} % of its CPU, and may be ${Math.round(100 * most)} %`;
    return [{ invariant: 'load', text: `${move.vm} to ${host.id}, which would use ${shares}` }];
  }

  /**
   * What a target may be used by, 0..1; undefined: whatever it takes, as the plan says, because no
   * host has the room. Whether that is so is not judged.
   */
  #most({ tier, overCpu }: Move): number | undefined {
    if (tier !== 'mandatory') return this.#share;
    return overCpu === true ? undefined : this.#share + MANDATORY_TOLERANCE;
  }

  #leastOf(vm: VmId): number {
    const since = this.#clock.monotonic() - LATELY_SECONDS;
    const uses = (this.#uses.get(vm) ?? []).filter(({ at }) => at >= since);
    return uses.length === 0 ? 0 : Math.min(...uses.map(({ cores }) => cores));
  }

  /** Of the slowest where it may be on either; of one that runs nowhere, nothing is counted. */
  #speedAt(vm: VmId): number {
    const speeds = this.#runningOn(vm).map((host) => this.#hosts.get(host)?.cpu.coreSpeed ?? 0);
    return speeds.length === 0 ? 0 : Math.min(...speeds);
  }
}
