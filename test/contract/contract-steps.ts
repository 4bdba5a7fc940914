// Role: the steps that the cases of the contract suite are made of. All waiting is in the world's
// own time, so that the same cases run against real servers and, at once, in virtual time.
import { expect } from 'vitest';

import { moveId, type HostId, type VmId } from '../../src/domain/ids.ts';
import { seconds } from '../../src/domain/units.ts';
import type { Hypervisor, Job, MoveOrder, Sighting } from '../../src/ports/hypervisor.ts';
import { AdapterError, type Attempt } from '../../src/ports/metric-source.ts';
import type { ContractTimeouts, ContractWorld } from './contract-world.ts';

/** An order as the suite gives it when a case does not care. */
const ORDER_DEFAULTS = {
  method: 'pre-copy',
  downtimeLimitSeconds: seconds(0.3),
  bandwidth: undefined,
  autoConverge: false,
  allowPostCopy: false,
} as const satisfies Partial<MoveOrder>;

export class Steps {
  readonly world: ContractWorld;
  readonly #timeouts: ContractTimeouts;
  #moves = 0;

  constructor(world: ContractWorld, timeouts: ContractTimeouts) {
    this.world = world;
    this.#timeouts = timeouts;
  }

  get hypervisor(): Hypervisor {
    return this.world.hypervisor;
  }

  /** A signal that nobody aborts; time-outs are the suite's own. */
  readonly signal: AbortSignal = new AbortController().signal;

  async poll(): Promise<void> {
    await this.world.clock.sleep(this.#timeouts.pollSeconds);
  }

  /** Asks `probe` again and again until it returns something; fails after the time of a move. */
  async waitFor<T>(what: string, probe: () => Promise<T | undefined>): Promise<T> {
    const { clock } = this.world;
    const deadline = clock.monotonic() + this.#timeouts.moveSeconds;
    for (;;) {
      const found = await probe();
      if (found !== undefined) return found;
      if (clock.monotonic() > deadline) {
        throw new Error(`waited ${this.#timeouts.moveSeconds} s in vain for: ${what}`);
      }
      await this.poll();
    }
  }

  /** Where the guest runs now, by the world's own means: on one host, or the case ends here. */
  async home(vm: VmId): Promise<HostId> {
    const { runningOn } = await this.world.truth(vm);
    expect(runningOn).toHaveLength(1);
    return runningOn[0]!;
  }

  other(host: HostId): HostId {
    const [a, b] = this.world.hosts;
    return host === a ? b : a;
  }

  /** An order to move the guest from where it runs to the other host. */
  async order(vm: VmId, details: Partial<MoveOrder> = {}): Promise<MoveOrder> {
    const from = await this.home(vm);
    this.#moves += 1;
    const move = moveId(`contract-${this.#moves}`);
    return { move, vm, from, to: this.other(from), ...ORDER_DEFAULTS, ...details };
  }

  start(order: MoveOrder, hypervisor = this.hypervisor): Promise<Attempt> {
    return hypervisor.startMove(order, this.signal);
  }

  /** Starts a move of a guest that is too busy to end it, and waits until it is seen to run. */
  async startEndless(vm: VmId, details: Partial<MoveOrder> = {}): Promise<MoveOrder> {
    await this.world.setBusy(vm, true);
    const bandwidth = this.world.busyBandwidth;
    const order = await this.order(vm, { bandwidth, ...details });
    expect(await this.start(order)).toEqual(OK);
    await this.waitFor('the move to be in its pre-copy phase', async () => {
      const job = await this.hypervisor.job(order, this.signal);
      if (job.kind === 'ended') throw new Error(`ended already: ${job.detail}`);
      return job.kind === 'running' && job.progress.phase === 'pre-copy' ? job : undefined;
    });
    return order;
  }

  /** Waits until no migration is under way and returns the last word about it. */
  follow(order: MoveOrder, hypervisor = this.hypervisor): Promise<Exclude<Job, RunningJob>> {
    return this.waitFor(`the end of ${order.move}`, async () => {
      const job = await hypervisor.job(order, this.signal);
      return job.kind === 'running' ? undefined : job;
    });
  }

  sightings(vm: VmId): Promise<readonly Sighting[]> {
    return this.hypervisor.locate(vm, this.signal).then((found) => found.sightings);
  }

  /** The guest runs on `host` and nowhere else, as the adapter sees it and in truth. */
  async expectRunsOnly(vm: VmId, host: HostId): Promise<void> {
    await this.waitFor(`${vm} to be seen on ${host} alone`, async () => {
      const alive = (await this.sightings(vm)).filter(({ state }) => state !== 'defined');
      const settled = alive.length === 1 && alive[0]?.state === 'running';
      return settled && alive[0]?.host === host ? true : undefined;
    });
    expect((await this.world.truth(vm)).runningOn).toEqual([host]);
  }

  /** Follows a move to its good end and carries the definition over. */
  async finish(order: MoveOrder, hypervisor = this.hypervisor): Promise<void> {
    const job = await this.follow(order, hypervisor);
    expect(job).toSatisfy(
      (end: Job) => end.kind === 'none' || (end.kind === 'ended' && end.ok),
      'a good end',
    );
    await this.expectRunsOnly(order.vm, order.to);
    expect(await hypervisor.commit(order, this.signal)).toEqual(OK);
  }

  /** The guest runs where the order found it; nothing of the attempt is left on the target. */
  async expectUntouched(order: MoveOrder): Promise<void> {
    await this.waitFor(`${order.vm} to run on ${order.from} in truth`, async () => {
      const { runningOn } = await this.world.truth(order.vm);
      return runningOn.length === 1 && runningOn[0] === order.from ? true : undefined;
    });
    expect(await this.hypervisor.cleanUp(order, this.signal)).toEqual(OK);
    expect(await this.hypervisor.cleanUp(order, this.signal)).toEqual(OK);
    await this.expectRunsOnly(order.vm, order.from);
    expect((await this.sightings(order.vm)).map(({ host }) => host)).toEqual([order.from]);
    expect(await this.world.truth(order.vm)).toMatchObject({
      runningOn: [order.from],
      definedOn: [order.from],
    });
  }
}

type RunningJob = Extract<Job, { kind: 'running' }>;

/** An order that was taken. */
export const OK: Attempt = { ok: true, value: undefined };

/** The error with which `promise` rejects, which has to be an AdapterError. */
export async function adapterError(promise: Promise<unknown>): Promise<AdapterError> {
  const caught = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(caught).toBeInstanceOf(AdapterError);
  return caught as AdapterError; // the line above proved it
}

/** The code with which an order was declined; an AdapterError counts as well. */
export async function declined(attempt: Promise<Attempt>): Promise<string> {
  try {
    const result = await attempt;
    return result.ok ? 'accepted' : result.error.code;
  } catch (error) {
    if (error instanceof AdapterError) return error.code;
    throw error;
  }
}
