/**
 * The daemon's life: recover what a crash left open, look once, serve, then collect, tick and
 * keep house by the clock until it is stopped. Stopping leaves running migrations running: the
 * next start adopts them.
 */

import type { AddressInfo } from 'node:net';

import type { Collector } from '../collect/collector.ts';
import { Polls } from '../collect/polls.ts';
import type { DaemonConfig } from '../config/daemon.ts';
import type { ClusterId } from '../domain/ids.ts';
import { leaseScope } from '../domain/lease.ts';
import { epochSeconds, seconds } from '../domain/units.ts';
import type { Executor } from '../execute/executor.ts';
import type { HostFailures } from '../execute/host-failures.ts';
import type { HostLadder } from '../execute/host-ladder.ts';
import type { Api } from '../ports/api.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink, EventSource } from '../ports/events.ts';
import type { Hypervisor } from '../ports/hypervisor.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { HttpServer } from '../serve/server.ts';
import type { CancelDesk } from './cancel-desk.ts';
import { CatchUp } from './catch-up.ts';
import { Closers } from './closers.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { LeaseHouse } from './lease-parts.ts';
import type { LedgerWatch } from './ledger-watch.ts';
import type { KillSwitch } from './kill-switch.ts';
import type { DaemonMemory } from './memory.ts';
import type { PolicyStore } from './policy-store.ts';
import type { HookRuns } from './hook-runs.ts';
import { carriersOf, type HandOver } from './hand-over.ts';
import type { LeaseNeeds } from './lease-needs.ts';
import type { Rolling } from './rolling.ts';
import { startSchedule, type CronJob, type Schedule } from './schedule.ts';
import { removeCliAccess, writeCliAccess } from './state-folder.ts';
import type { Tick, TickState } from './tick.ts';
import { Ticks } from './ticks.ts';
import { VERSION } from './version.ts';

export interface DaemonParts {
  readonly config: DaemonConfig;
  readonly clock: Clock;
  readonly events: EventSink & EventSource;
  readonly ledger: Ledger;
  readonly policies: PolicyStore;
  readonly collector: Collector;
  readonly executor: Executor;
  readonly ladder: HostLadder;
  readonly failures: HostFailures;
  readonly tick: Tick;
  readonly cancels: Pick<CancelDesk, 'beat'>;
  readonly hooks: Pick<HookRuns, 'isIdle' | 'stop'>;
  readonly rolling: Rolling;
  readonly handOver: HandOver;
  readonly needs: LeaseNeeds;
  readonly ledgerState: LedgerWatch;
  readonly dispatcher: Dispatcher;
  readonly api: Api;
  readonly server: HttpServer;
  /** Lets the CLI of the same user in. */
  readonly cliToken: string;
  readonly accessFile: string;
  readonly memory: DaemonMemory;
  readonly killSwitch: Pick<KillSwitch, 'look'>;
  readonly leases: LeaseHouse;
  /** Closed before the leases are given back. */
  readonly hypervisors: readonly Pick<Hypervisor, 'close'>[];
  /** Closes what the container made, in the right order. */
  readonly close: () => Promise<void>;
}

/** Records older than this are pruned: a quarter, so that a yearly cycle's last part is there. */
const KEEP_SECONDS = 90 * 86_400;
/** The newest of each kind, however old: some years of a small fleet, and whatever a clock says. */
const KEEP_NEWEST = 10_000;

export class Daemon {
  readonly #parts: DaemonParts;
  readonly #ticks: Ticks;
  readonly #polls: Polls;
  #schedule: Schedule | undefined;
  #stopping: Promise<void> | undefined;
  /** It may act where it could not: what it knows of there is from before. */
  #isToLook = false;
  readonly #catchUp: CatchUp;

  constructor(parts: DaemonParts) {
    this.#parts = parts;
    this.#polls = new Polls(() => parts.collector.poll());
    this.#catchUp = new CatchUp(parts);
    const { events, tick } = parts;
    this.#ticks = new Ticks({ events, hurry: () => tick.hurry(), run: () => this.#tick() });
  }

  /** Where the server listens; undefined before `start`. */
  get address(): string | undefined {
    const address = this.#parts.server.server.address();
    return address === null || typeof address === 'string' ? undefined : urlOf(address);
  }

  get api(): Api {
    return this.#parts.api;
  }

  /** What the newest tick saw and decided. */
  get state(): TickState | undefined {
    return this.#parts.tick.state;
  }

  /** What `start` does again and again by the clock, in this order. */
  get jobs(): readonly CronJob[] {
    const { collectEverySeconds, tickEverySeconds, housekeepingEverySeconds } =
      this.#parts.config.schedule;
    const { ledger } = this.#parts.config;
    // Who is alone has nothing to renew.
    const everySeconds = this.#renewSeconds;
    return [
      ...(ledger === undefined ? [] : [{ name: 'leases', everySeconds, run: () => this.beat() }]),
      { name: 'collect', everySeconds: collectEverySeconds, run: () => this.collect() },
      { name: 'tick', everySeconds: tickEverySeconds, run: () => this.tick() },
      { name: 'house', everySeconds: housekeepingEverySeconds, run: () => this.keepHouse() },
    ];
  }

  /** Three tries before a lease runs out. */
  get #renewSeconds(): number {
    return Math.max(1, Math.floor(this.#parts.config.controller.leaseSeconds / 3));
  }

  /** Ready to act when it resolves. Rejects when it cannot serve or its ledger cannot be used. */
  async start(): Promise<void> {
    const { cliToken, config, events, policies, server } = this.#parts;
    await server.listen({ host: config.http.host, port: config.http.port });
    const access = { server: this.address ?? '', token: cliToken, pid: process.pid };
    writeCliAccess(this.#parts.accessFile, access);
    await this.prepare();
    policies.watch();
    this.#schedule = startSchedule(this.jobs, (job, error) =>
      events.emit('failure', { where: job, error }),
    );
    this.listen();
    events.emit('started', { version: VERSION, mode: policies.policies.mode.default });
  }

  /** Takes up what an earlier run left, looks once, and ticks once. `start` does it too. */
  async prepare(): Promise<void> {
    const { executor, failures, ladder, memory, tick } = this.#parts;
    await ladder.load();
    await failures.load();
    await this.collect();
    await tick.snapshot();
    await this.beat();
    await executor.recover();
    memory.start();
    await this.#noteAudit();
    await this.tick();
  }

  /** From now on an order that is given is acted upon at once. `start` does it too. */
  listen(): void {
    this.#ticks.listen();
  }

  collect(): Promise<void> {
    return this.#polls.now();
  }

  /**
   * Renews the leases, takes up the open moves where it may act by now and could not, carries out
   * the cancels that others were asked for, and looks how the kill switch stands.
   */
  async beat(): Promise<void> {
    await this.#renew();
    await this.#parts.killSwitch.look();
    await this.#parts.cancels.beat();
  }

  async #renew(): Promise<void> {
    const { executor, hooks, leases, memory } = this.#parts;
    const { keeper, moves } = leases;
    keeper.see((memory.snapshot?.hosts ?? []).map(leaseScope));
    const carriers = new Set(carriersOf(memory.snapshot, keeper.name).map(({ id }) => id));
    const underWay = async () => {
      const open = await executor.openAnywhere();
      const joined = open.map((one) => moves.clustersOf(one));
      return { joined, isCarried: open.some(({ move }) => carriers.has(move.vm)) };
    };
    const isIdle = (cluster: ClusterId) => moves.isIdle(cluster) && hooks.isIdle(cluster);
    const taken = await keeper.beat(isIdle, underWay);
    if (taken.length > 0) this.#isToLook = keeper.isShared;
    if (taken.length > 0) {
      this.#catchUp.note();
      this.#parts.dispatcher.tookOver();
    }
    await this.#catchUp.begin();
    // What others have ended since the last time makes room for what waits here.
    if (keeper.isShared) executor.wake();
  }

  /** A tick; the one under way, if there is one. */
  tick(): Promise<void> {
    return this.#ticks.run();
  }

  /** Does now what orders ask for, without waiting for the next tick. */
  hurry(): Promise<void> {
    return this.#ticks.hurry();
  }

  /** False: an order has overtaken it. */
  async #tick(): Promise<boolean> {
    await this.beat();
    await this.#catchUp.over();
    if (this.#isToLook) await this.#lookAnew();
    const { executor, ledgerState, rolling, tick } = this.#parts;
    const { failures } = ledgerState;
    const state = await tick.run();
    if (state === undefined) return false;
    await rolling.update(state);
    this.#parts.needs.look(state);
    if (this.#parts.handOver.look(state)) await this.beat();
    if (ledgerState.settle(failures)) executor.wake();
    return true;
  }

  /** Renewing goes on meanwhile: a host that hangs costs no lease. */
  async #lookAnew(): Promise<void> {
    this.#isToLook = false;
    await this.#polls.anew();
  }

  /** Takes up an edit of the policy files now, without waiting for the watcher to see it. */
  reloadPolicies(): Promise<void> {
    return this.#parts.policies.reload();
  }

  async keepHouse(): Promise<void> {
    const { clock, events, executor, ledger } = this.#parts;
    // Moves that could not be settled at start (a host did not answer) are asked about again.
    await executor.recover();
    const before = epochSeconds(Math.max(0, clock.now() - KEEP_SECONDS));
    const { auditFault } = await ledger.prune({ before, keep: KEEP_NEWEST });
    if (auditFault !== undefined) {
      const why = 'the audit trail is broken, and nothing is taken away from it';
      const text = `${why}: ${auditFault.text}`;
      events.emit('warning', { key: 'audit trail', text });
    }
    await this.#noteAudit();
  }

  async #noteAudit(): Promise<void> {
    const { events, ledger } = this.#parts;
    const head = await ledger.auditHead();
    if (head !== undefined) events.emit('audit', head);
  }

  /**
   * Stops for good. Moves that run go on without us; the next start adopts them. Rejects, after
   * every step was tried, when one of them failed.
   */
  stop(reason: string): Promise<void> {
    this.#stopping ??= this.#stop(reason);
    return this.#stopping;
  }

  async #stop(reason: string): Promise<void> {
    const { accessFile, cliToken, events, executor, hooks, leases, close, server } = this.#parts;
    events.emit('stopping', { reason });
    // The last one first: a step that fails keeps none of the others from being taken.
    const steps = new Closers();
    steps.add(close);
    steps.add(() => this.#noteAudit());
    steps.add(async () => server.close());
    steps.add(() => removeCliAccess(accessFile, cliToken));
    steps.add(() => leases.keeper.release());
    steps.add(() => this.#closeHypervisors());
    // Whoever has the leases next finds nothing at work.
    steps.add(() => hooks.stop());
    steps.add(() => executor.stop());
    steps.add(() => this.#ticks.stop());
    steps.add(() => this.#schedule?.stop());
    await steps.close();
  }

  /**
   * Guests that are off for a move that nobody else would carry on come up again first, which may
   * take as long as a shutdown: so long nobody else is let in there, and nothing is taken.
   */
  async #closeHypervisors(): Promise<void> {
    const { hypervisors, leases } = this.#parts;
    const over = new AbortController();
    const renewing = leases.keeper.isShared ? this.#renewUntil(over.signal) : undefined;
    const closed = await Promise.allSettled(hypervisors.map((one) => one.close()));
    over.abort();
    await renewing;
    const errors = closed.filter((one) => one.status === 'rejected').map(({ reason }) => reason);
    if (errors.length > 0) throw new AggregateError(errors);
  }

  async #renewUntil(over: AbortSignal): Promise<void> {
    const { clock, events, leases } = this.#parts;
    leases.keeper.standAside('for-good');
    for (;;) {
      await clock.sleep(seconds(this.#renewSeconds), over);
      if (over.aborted) return;
      const failed = (error: unknown): void => events.emit('failure', { where: 'leases', error });
      await this.#renewAside().catch(failed);
    }
  }

  /** Where no move is open no guest is off for one: that is left to others at once. */
  async #renewAside(): Promise<void> {
    const { hooks, leases, ledger } = this.#parts;
    const { keeper, moves } = leases;
    // The executor follows none of them any more: only the ledger knows.
    let needs: readonly (readonly ClusterId[])[] | undefined;
    const underWay = async () => {
      needs = (await ledger.openMoves()).map((one) => moves.clustersOf(one));
      return { joined: needs, isCarried: false };
    };
    const isFree = (cluster: ClusterId): boolean =>
      needs?.every((all) => all.length > 0 && !all.includes(cluster)) === true;
    const isIdle = (cluster: ClusterId): boolean =>
      isFree(cluster) && moves.isIdle(cluster) && hooks.isIdle(cluster);
    await keeper.beat(isIdle, underWay);
  }
}

/** Rejects with what kept it from starting, and leaves nothing of it open then. */
export async function startOrStop(daemon: Daemon): Promise<void> {
  try {
    await daemon.start();
  } catch (error) {
    // What kept it from starting is what there is to say, also where the stop fails as well.
    await Promise.allSettled([daemon.stop('it could not start')]);
    throw error;
  }
}

function urlOf({ address, port, family }: AddressInfo): string {
  return family === 'IPv6' ? `http://[${address}]:${port}` : `http://${address}:${port}`;
}
