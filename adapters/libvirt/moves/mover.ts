/**
 * Starts moves, follows them, changes their course. The call that carries a live move lasts as long
 * as the move, on a connection of its own; nobody waits for it. What it returns only saves a look:
 * the hosts are asked in any case when the connection broke, or another process made the call.
 */

import {
  abortJob,
  isMigratingOut,
  migrate,
  setBandwidth,
  setDowntime,
  startPostCopy,
  withDomain,
  type Domain,
} from '../calls/domain.ts';
import type { UseOptions } from '../connection.ts';
import { isOff, sightingStateOf, statusOf, type DomainStatus } from '../domain-status.ts';
import type { LibvirtHost } from '../host.ts';
import { ERROR } from '../native/constants.ts';
import { adapterCodeOf, isLibvirtError, isUnanswered, messageOf } from '../native/errors.ts';
import { numberIn } from '../native/typed-params.ts';
import type { LibvirtOptions } from '../options.ts';
import { DONE, decline } from './answers.ts';
import type { Carrier } from './carrier.ts';
import { prepareColdMove, runColdMove } from './cold-move.ts';
import { Flight, settle, startedAs, stopCopying } from './flight.ts';
import { GoingDown } from './going-down.ts';
import { mibPerSecond, prepareLiveMove } from './live-move.ts';
import { arrivedOn, failed, observe } from './observe.ts';
import { isOffForMove } from './off-for-move.ts';
import { coldProgress, isPostCopy, noProgress } from './progress.ts';
import { cleanUpMove, commitMove, type Ends, type MoveHosts } from './settle.ts';
import { explainingTls } from './tls.ts';
import type { VmId } from '../../../src/domain/ids.ts';
import { assertNever } from '../../../src/domain/result.ts';
import { seconds } from '../../../src/domain/units.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { Job, MoveOrder, Steering } from '../../../src/ports/hypervisor.ts';
import type { Attempt } from '../../../src/ports/metric-source.ts';
import { isAllowed, permissionOf } from '../../../src/ports/permission.ts';

/** Between two looks at a migration that was just ordered. */
const LOOK_SECONDS = seconds(0.1);

export class Mover implements Carrier {
  readonly #flights = new Map<VmId, Flight>();
  readonly #options: LibvirtOptions;
  readonly #clock: Clock;
  readonly #goingDown: GoingDown;
  #isClosing = false;

  constructor(options: LibvirtOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#goingDown = new GoingDown(options.cold.shutdownSeconds, clock);
  }

  async start(order: MoveOrder, ends: MoveHosts, signal: AbortSignal): Promise<Attempt> {
    const known = this.#flights.get(order.vm);
    if (known !== undefined && known.end === undefined) {
      if (known.isFor(order)) return DONE;
      return decline('locked', `${order.vm} is being moved to ${known.order.to}`);
    }
    const status = await ends.from.onDomain(order.vm, 'looking', statusOf, { signal });
    if (status === undefined) return decline('not-found', `${order.vm} is not on ${order.from}`);
    const own = { signal, own: order.move };
    const goingDown = await this.#goingDown.refusal(order, ends.from, own);
    if (goingDown !== undefined) return goingDown;
    const there = await ends.to.sight(order.vm, signal);
    const state = sightingStateOf(status);
    if (state === 'post-copy-paused') {
      return decline('refused', 'its post-copy broke: a person has to resume it or give it up');
    }
    if (isMigratingOut(status.job)) {
      if (there !== undefined && there.state !== 'defined') return DONE;
      return decline('locked', `${order.vm} is being moved elsewhere`);
    }
    if (order.method === 'cold') return this.#startCold(order, ends, state, signal);
    if (state !== 'running') {
      return decline('refused', `${order.vm} is ${state} on ${order.from}, not running`);
    }
    if (there !== undefined && there.state !== 'defined') {
      return decline('refused', `${order.vm} is ${there.state} on ${order.to}`);
    }
    return this.#startLive(new Flight(order), ends, { permit: permissionOf(signal), signal });
  }

  async job(order: MoveOrder, ends: Ends, signal: AbortSignal): Promise<Job> {
    const flight = this.#flights.get(order.vm);
    const own = flight?.isFor(order) === true ? flight : undefined;
    if (own !== undefined && order.method === 'cold' && own.end === undefined) {
      return { kind: 'running', progress: coldProgress(own.copying) };
    }
    if (own?.end?.kind === 'arrived') return this.#arrived(own, ends, signal);
    // A call that failed is not the last word: in post-copy the daemons lose each other, and the
    // guest arrives all the same.
    const observed = await observe(order, ends, signal);
    if (observed.kind !== 'none') return observed;
    // Whoever asked for the shutdown, and however that call ended: the guest may still go off.
    const goingDown = await this.#goingDown.job(order, ends.from, signal);
    if (goingDown?.kind === 'running' || own === undefined) return goingDown ?? observed;
    if (own.end?.kind === 'failed') return failed(own.end.detail);
    if (own.end === undefined) return { kind: 'running', progress: noProgress('setup') };
    return goingDown ?? observed;
  }

  async steer(
    order: MoveOrder,
    steering: Steering,
    ends: Ends,
    signal: AbortSignal,
  ): Promise<Attempt> {
    const status = await ends.from.onDomain(order.vm, 'looking', statusOf, { signal });
    if (status === undefined || !isMigratingOut(status.job)) {
      return decline('refused', `no move of ${order.vm} from ${order.from} is under way`);
    }
    const tell = async (task: (domain: Domain) => Promise<void>): Promise<Attempt> => {
      await ends.from.onDomain(order.vm, `steering: ${steering.kind}`, task, { signal });
      return DONE;
    };
    const flight = this.#flights.get(order.vm);
    switch (steering.kind) {
      case 'downtime-limit':
        if (flight) flight.order = { ...flight.order, downtimeLimitSeconds: steering.seconds };
        return tell((domain) => setDowntime(domain, milliseconds(steering.seconds)));
      case 'bandwidth':
        if (flight) flight.order = { ...flight.order, bandwidth: steering.bandwidth };
        return tell((domain) => {
          const phase = isPostCopy(status) ? 'postCopy' : 'preCopy';
          return setBandwidth(domain, mibPerSecond(steering.bandwidth), phase);
        });
      case 'post-copy':
        return this.#switchToPostCopy(order, ends, signal);
      case 'auto-converge':
        return this.#autoConverge(order, ends, status, signal);
      default:
        return assertNever(steering, 'steering');
    }
  }

  async abort(order: MoveOrder, ends: Ends, signal: AbortSignal): Promise<Attempt> {
    const flight = this.#flights.get(order.vm);
    if (order.method === 'cold' && flight?.end === undefined && flight?.isFor(order) === true) {
      return stopCopying(flight, 'the move was stopped');
    }
    const status = await ends.from.onDomain(order.vm, 'looking', statusOf, { signal });
    if (status === undefined || isOff(status)) {
      return decline('refused', `${order.vm} does not run on ${order.from} any more`);
    }
    if (isPostCopy(status)) return decline('refused', 'there is no way back from post-copy');
    if (!isMigratingOut(status.job)) {
      const state = sightingStateOf(status);
      return state === 'running' ? DONE : decline('refused', `${order.vm} is ${state}`);
    }
    await ends.from.onDomain(order.vm, 'stopping the move', abortUnlessOver, { signal });
    return DONE;
  }

  async commit(order: MoveOrder, ends: Ends, signal: AbortSignal): Promise<Attempt> {
    return this.#closed(order, await commitMove(order, ends, signal));
  }

  async cleanUp(order: MoveOrder, ends: MoveHosts, signal: AbortSignal): Promise<Attempt> {
    const goingDown = await this.#goingDown.refusal(order, ends.from, { signal });
    return goingDown ?? this.#closed(order, await cleanUpMove(order, ends, signal));
  }

  /**
   * Before the hosts are out of reach: guests that are off for a cold move, or were asked to shut
   * down for one, are started again where they were, because nobody else would go on.
   */
  async close(): Promise<void> {
    this.#isClosing = true;
    const cold = [...this.#flights.values()].filter(
      ({ order, end }) => order.method === 'cold' && end === undefined,
    );
    for (const flight of cold) flight.stopped ??= 'Drover stops';
    const { startSeconds, cold: limits } = this.#options;
    const deadline = this.#clock.monotonic() + limits.shutdownSeconds + startSeconds;
    while (cold.some(({ end }) => end === undefined) && this.#clock.monotonic() < deadline) {
      await this.#clock.sleep(LOOK_SECONDS);
    }
  }

  /** Once it was committed or cleaned up, nobody will ask for the move again. */
  #closed(order: MoveOrder, done: Attempt): Attempt {
    if (done.ok) this.#goingDown.forget(order.vm);
    const flight = this.#flights.get(order.vm);
    // By the move alone: a guest that was moved on is committed to where it is.
    const isOver = flight?.end !== undefined && flight.order.move === order.move;
    if (done.ok && isOver) this.#flights.delete(order.vm);
    return done;
  }

  async #startCold(
    order: MoveOrder,
    ends: MoveHosts,
    state: string,
    signal: AbortSignal,
  ): Promise<Attempt> {
    const isOurs = (domain: Domain): Promise<boolean> => isOffForMove(domain, order.move);
    const goesOn = await ends.from.onDomain(order.vm, 'looking', isOurs, { signal });
    if (state !== 'running' && goesOn !== true) {
      return decline('refused', `${order.vm} is ${state} on ${order.from}, not running`);
    }
    const flight = new Flight(order);
    await prepareColdMove(flight, ends, signal);
    // Two starts at the same moment: the first one counts.
    const rival = this.#flights.get(order.vm);
    const isTaken = rival !== undefined && rival.end === undefined;
    if (isTaken || this.#isClosing) {
      flight.lines?.close();
      if (isTaken && rival.isFor(order)) return DONE;
      return decline('locked', isTaken ? `${order.vm} is being moved` : 'Drover stops');
    }
    this.#flights.set(order.vm, flight);
    flight.allowed = { signal: permissionOf(signal) };
    const tools = { ends, options: this.#options.cold, clock: this.#clock };
    void settle(flight, runColdMove(flight, tools));
    return DONE;
  }

  async #startLive(
    flight: Flight,
    ends: Ends,
    { permit, signal }: Required<Pick<UseOptions, 'permit' | 'signal'>>,
  ): Promise<Attempt> {
    const { order } = flight;
    const { from } = ends;
    const begin = await prepareLiveMove(order, ends, this.#options, signal);
    if (begin.kind === 'refused') return decline(begin.code, begin.detail);
    const { params } = begin;
    const connection = await from.link.open(signal);
    // Two starts at the same moment: the first one counts.
    const rival = this.#flights.get(order.vm);
    if (rival !== undefined && rival !== flight && rival.end === undefined) {
      from.link.drop(connection);
      return rival.isFor(order) ? DONE : decline('locked', `${order.vm} is being moved`);
    }
    this.#flights.set(order.vm, flight);
    const moving = connection.use(
      'migrating',
      (session) => withDomain(session, order.vm, (domain) => migrate(domain, params)),
      { seconds: Number.POSITIVE_INFINITY, permit },
    );
    const explained = explainingTls(moving, ends, this.#options.tls);
    void settle(flight, explained).finally(() => from.link.drop(connection));
    await this.#untilTaken(flight, from);
    if (flight.end !== undefined) return startedAs(flight.end);
    const limit = milliseconds(flight.order.downtimeLimitSeconds);
    const limiting = (domain: Domain): Promise<void> => setDowntime(domain, limit);
    await ignoringDeclined(
      from.onDomain(order.vm, 'limiting the downtime', limiting, { signal: permit }),
    );
    if (order.method === 'post-copy') void this.#switchAfterFirstPass(flight, from, permit);
    return DONE;
  }

  /** Waits until QEMU has begun to send memory, or the call ended, or the time for it is up. */
  async #untilTaken(flight: Flight, from: LibvirtHost): Promise<void> {
    const deadline = this.#clock.monotonic() + this.#options.startSeconds;
    while (flight.end === undefined && this.#clock.monotonic() < deadline) {
      const looking = from.onDomain(flight.order.vm, 'looking', statusOf);
      const status = await ignoringDeclined(looking);
      if (status !== undefined && (numberIn(status.job.stats, 'data_total') ?? 0) > 0) return;
      await this.#clock.sleep(LOOK_SECONDS);
    }
  }

  /** Returns when the guest has been switched: from here on there is no way back. */
  async #switchToPostCopy(order: MoveOrder, { from }: Ends, signal: AbortSignal) {
    await from.onDomain(order.vm, 'switching to post-copy', startPostCopy, { signal });
    const deadline = this.#clock.monotonic() + this.#options.startSeconds;
    for (;;) {
      const status = await from.onDomain(order.vm, 'looking', statusOf, { signal });
      if (status === undefined || isOff(status) || isPostCopy(status)) return DONE;
      if (!isMigratingOut(status.job)) return decline('refused', 'the move ended meanwhile');
      if (this.#clock.monotonic() > deadline) return decline('timeout', 'no switch was seen');
      await this.#clock.sleep(LOOK_SECONDS);
    }
  }

  /**
   * Post-copy proper: one pass over the memory, then the switch. A host that does not answer, or
   * declines the switch, is asked again at the next look. Nothing is lost by that: the progress
   * goes on saying pre-copy, and the executor gives the move up like any copy that does not end.
   * There is no way back from the switch: it needs the permission that the move began under, and
   * the migration may be another controller's by now.
   */
  async #switchAfterFirstPass(flight: Flight, from: LibvirtHost, permit: AbortSignal) {
    const { vm } = flight.order;
    const what = 'switching to post-copy';
    while (flight.end === undefined) {
      const status = await from.onDomain(vm, 'looking', statusOf).catch(() => undefined);
      if (status !== undefined && isPostCopy(status)) return;
      const pass = status === undefined ? 0 : numberIn(status.job.stats, 'memory_iteration');
      if ((pass ?? 0) >= 2 && isAllowed(permit)) {
        const switching = from.onDomain(vm, what, startPostCopy, { signal: permit });
        await switching.catch(() => undefined);
      }
      await this.#clock.sleep(LOOK_SECONDS);
    }
  }

  /**
   * libvirt can only begin with auto-converge, so the copy begins anew. A guest that did not
   * converge loses nothing by it.
   */
  async #autoConverge(
    order: MoveOrder,
    ends: Ends,
    status: DomainStatus,
    signal: AbortSignal,
  ): Promise<Attempt> {
    const known = this.#flights.get(order.vm);
    const isOn = known?.isFor(order) === true ? known.order.autoConverge : order.autoConverge;
    const isThrottled = (numberIn(status.job.stats, 'auto_converge_throttle') ?? 0) > 0;
    if (isOn || isThrottled) return DONE;
    if (isPostCopy(status)) return decline('refused', 'it is in post-copy already');
    const current = known?.isFor(order) === true ? known.order : order;
    const flight = new Flight({ ...current, autoConverge: true });
    this.#flights.set(order.vm, flight);
    try {
      await ends.from.onDomain(order.vm, 'stopping the move', abortUnlessOver, { signal });
      if (!(await this.#untilStopped(order, ends, signal))) {
        flight.end = { kind: 'unanswered', code: 'refused', detail: 'it did not stop' };
        return decline('refused', `the move of ${order.vm} ended meanwhile`);
      }
      // Once the old copy has ended the new one begins, however long the call may wait.
      const permit = permissionOf(signal);
      const begun = await this.#startLive(flight, ends, { permit, signal: permit });
      if (!begun.ok) flight.end ??= { kind: 'failed', ...begun.error };
      return begun;
    } catch (error) {
      flight.end ??= { kind: 'unanswered', code: adapterCodeOf(error), detail: messageOf(error) };
      throw error;
    }
  }

  /** True: the guest runs on its source again and nothing of the attempt is on the target. */
  async #untilStopped(order: MoveOrder, { from, to }: Ends, signal: AbortSignal) {
    const deadline = this.#clock.monotonic() + this.#options.startSeconds;
    for (;;) {
      const status = await from.onDomain(order.vm, 'looking', statusOf, { signal });
      if (status === undefined || isOff(status)) return false;
      if (!isMigratingOut(status.job) && (await to.sight(order.vm, signal)) === undefined) {
        return sightingStateOf(status) === 'running';
      }
      if (this.#clock.monotonic() > deadline) return false;
      await this.#clock.sleep(LOOK_SECONDS);
    }
  }

  async #arrived(flight: Flight, { to }: Ends, signal: AbortSignal): Promise<Job> {
    if (flight.offSeconds !== undefined) {
      const downtimeSeconds = seconds(flight.offSeconds);
      return { kind: 'ended', ok: true, detail: '', downtimeSeconds, bytes: undefined };
    }
    return arrivedOn(flight.order, to, signal);
  }
}

/** Lets an order pass that libvirt declines because the migration has just ended. */
async function ignoringDeclined<T>(order: Promise<T>): Promise<T | undefined> {
  try {
    return await order;
  } catch (error) {
    if (isUnanswered(error)) throw error;
    return undefined;
  }
}

/** Nothing to stop is no failure, as long as the guest is still here. */
async function abortUnlessOver(domain: Domain): Promise<void> {
  try {
    await abortJob(domain);
  } catch (error) {
    if (!isLibvirtError(error, ERROR.operationInvalid)) throw error;
    const status = await statusOf(domain);
    const hasStayed = sightingStateOf(status) === 'running' && !isMigratingOut(status.job);
    if (!hasStayed) throw error;
  }
}

function milliseconds(duration: number): number {
  return Math.max(1, Math.round(duration * 1000));
}
