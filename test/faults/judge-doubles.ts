// Role: which VMs ran twice although nothing excuses it. Two copies are forgiven only where the
// host that boots has lost its power in the middle of a move, or before anybody could both see that
// the VM had arrived and remove the definition that it left behind.
import type { HostId, VmId } from '../../src/domain/ids.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { SimulatedDatacenter } from '../../src/simulate/datacenter.ts';

/** After a hand or a crash interfered, for so long a VM may not be where it was a moment before. */
export const INTERFERENCE_SECONDS = 180;

export interface HostCrash {
  readonly host: HostId;
  readonly at: number;
}

/** From when until when something could not be seen: what runs on that host, or anything at all. */
interface Unseen {
  readonly host: HostId | 'any';
  readonly from: number;
  readonly until: number;
}

export class DoublesJudge {
  readonly #datacenter: SimulatedDatacenter;
  readonly #clock: Clock;
  readonly #unseen: Unseen[] = [];
  /** When a controller was last seen to be ready for work. */
  #readyAt = 0;
  #isReady = true;
  #judged = 0;

  constructor(datacenter: SimulatedDatacenter, clock: Clock) {
    this.#datacenter = datacenter;
    this.#clock = clock;
  }

  /** Nobody sees for so long what runs on the host. */
  onCut(host: HostId, forSeconds: number): void {
    const from = this.#clock.monotonic();
    this.#unseen.push({ host, from, until: from + forSeconds });
  }

  /** Whether any controller is ready for work; to be called again and again. */
  onLook(isReady: boolean): void {
    const now = this.#clock.monotonic();
    if (isReady && !this.#isReady) {
      this.#unseen.push({ host: 'any', from: this.#readyAt, until: now });
    }
    if (isReady) this.#readyAt = now;
    this.#isReady = isReady;
  }

  /** Those that began since it was last asked. */
  wrongs(crashes: readonly HostCrash[]): readonly string[] {
    const doubles = this.#datacenter.truth.doubleRuns();
    const fresh = doubles.slice(this.#judged);
    this.#judged = doubles.length;
    return fresh.flatMap(({ vm, hosts }) => {
      const isForgiven = hosts.some((host) => {
        const own = crashes.filter((crash) => crash.host === host);
        return own.some(({ at }) => this.#isInMidMove(vm, host, at));
      });
      return isForgiven ? [] : [`${vm} ran twice, on ${hosts.join(' and ')}`];
    });
  }

  #isInMidMove(vm: VmId, from: HostId, at: number): boolean {
    const { startAt, truth } = this.#datacenter;
    return truth.migrations().some(({ order, startedAt, endedAt }) => {
      if (order.vm !== vm || order.from !== from) return false;
      const end = this.#answerFrom([from, order.to], endedAt - startAt) + INTERFERENCE_SECONDS;
      return startedAt - startAt <= at && at <= end;
    });
  }

  /**
   * The first moment from `at` on from which both hosts answer, and a controller is there to ask,
   * for long enough without a break: one call that hangs may take a good part of it.
   */
  #answerFrom(hosts: readonly HostId[], at: number): number {
    if (!this.#isReady && at >= this.#readyAt) return Number.POSITIVE_INFINITY;
    const now = this.#unseen.filter(({ host, from, until }) => {
      return (
        (host === 'any' || hosts.includes(host)) && from < at + INTERFERENCE_SECONDS && at < until
      );
    });
    if (now.length === 0) return at;
    return this.#answerFrom(hosts, Math.max(...now.map(({ until }) => until)));
  }
}
