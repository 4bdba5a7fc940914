/**
 * The composition root: the only place that knows which class stands behind which part. Plain
 * factories, no decorators; everything is made once, on first use, and closed in reverse order.
 */

import 'reflect-metadata';

import { Container } from 'inversify';
import { uuidv7 } from 'uuidv7';

import { Collector } from '../collect/collector.ts';
import type { DaemonConfig } from '../config/daemon.ts';
import { BreakerBoard } from '../execute/breaker-board.ts';
import { Executor } from '../execute/executor.ts';
import { HostFailures } from '../execute/host-failures.ts';
import { HostLadder } from '../execute/host-ladder.ts';
import type { Host } from '../domain/host.ts';
import { leaseScope } from '../domain/lease.ts';
import type { Pause } from '../domain/slices.ts';
import { type Seconds, seconds } from '../domain/units.ts';
import { EventBus } from '../observe/event-bus.ts';
import { makeRegistry, subscribeMetrics } from '../observe/metrics.ts';
import { watchProcess } from '../observe/process-metrics.ts';
import type { Clock } from '../ports/clock.ts';
import type { Hook } from '../ports/hooks.ts';
import type { Ledger } from '../ports/ledger.ts';
import { AlertDesk } from './alert-desk.ts';
import { ApplyDesk } from './apply-desk.ts';
import { makeBreather } from './breather.ts';
import { makeCancels } from './make-cancels.ts';
import { makeServer } from './make-server.ts';
import { Closers, type Closer } from './closers.ts';
import { configNotes } from './config-notes.ts';
import { configuredHooks } from './configured-hooks.ts';
import { collectorSettings, pollLag } from './collector-settings.ts';
import { Daemon } from './daemon.ts';
import { DaemonApi } from './daemon-api.ts';
import { DecisionArchive } from './decision-archive.ts';
import { Dispatcher } from './dispatcher.ts';
import { dropOutdated } from './drop-outdated.ts';
import { Estimator } from './estimator.ts';
import { Experience } from './experience.ts';
import { HandOver } from './hand-over.ts';
import { LeaseNeeds } from './lease-needs.ts';
import { Haste } from './haste.ts';
import { HookRuns } from './hook-runs.ts';
import { ledgerReasons, LedgerWatch } from './ledger-watch.ts';
import { leaseReasons } from './lease-desk.ts';
import { actsElsewhere, actsOn, guarded, makeLeases, openStore } from './lease-parts.ts';
import { KillSwitch } from './kill-switch.ts';
import { locator } from './locator.ts';
import { LostVms } from './lost-vms.ts';
import { DaemonMemory } from './memory.ts';
import { modesOf } from './modes.ts';
import { OrderDesk } from './order-desk.ts';
import { OwnFinder, type OwnFinderParts } from './own-finder.ts';
import { Planner, type PlanRunner } from './planner.ts';
import { PolicyStore } from './policy-store.ts';
import { FiringAlerts } from './firing-alerts.ts';
import { RollingDesk } from './rolling-desk.ts';
import { Rolling } from './rolling.ts';
import type { Sources } from './sources.ts';
import { makeStateFolder, makeToken } from './state-folder.ts';
import { Tick } from './tick.ts';
import { bindPart, getPart } from './tokens.ts';
import { unready } from './unready.ts';
import { VERSION } from './version.ts';

export interface DaemonOptions extends Partial<Pick<OwnFinderParts, 'machine'>> {
  readonly config: DaemonConfig;
  readonly clock: Clock;
  /** Counts also the time that the machine sleeps; default: the clock's own. */
  readonly elapsed?: () => Seconds;
  /** Makes the hypervisors and metric stores; the demo brings its own simulated ones. */
  readonly sources: (events: EventBus) => Promise<Sources>;
  /** Called with the bus before anything happens: log, InfluxDB and narrator subscribe here. */
  readonly subscribe: (events: EventBus) => Closer | undefined;
  readonly seed: number;
  /** Where the CLI finds the daemon's address and token. */
  readonly accessFile: string;
  /** Default: a worker thread. Simulations plan in-process, to be repeatable. */
  readonly planner?: PlanRunner;
  /** Default: those of the configuration. */
  readonly hooks?: readonly Hook[];
  /** Ids of orders. Default: version 7 UUIDs. Simulations count, to be repeatable. */
  readonly newId?: () => string;
  /** Seconds of the clock per second of real time; the schedule counts real ones. */
  readonly speed: number;
  /** Default: the one that `config` names. Simulations bring one that outlives their crashes. */
  readonly store?: () => Promise<Ledger>;
  /** What simulations put between the daemon and its ledger. */
  readonly between?: (ledger: Ledger) => Ledger;
  /** Default: true. Simulations: no, this process is not the daemon's own. */
  readonly measuresProcess?: boolean;
}

interface Ground {
  readonly container: Container;
  readonly options: DaemonOptions;
  readonly closers: Closers;
  readonly haste: Haste;
  /** One for all: what they take of a turn of the event loop, they take together. */
  readonly pause: Pause | undefined;
}

/** Builds a daemon; nothing runs before `start`. Rejects when a part cannot be made. */
export async function buildDaemon(options: DaemonOptions): Promise<Daemon> {
  const closers = new Closers();
  const haste = new Haste(options.clock);
  const pause = pauseFor(options);
  const ground = { container: new Container(), options, closers, haste, pause };
  try {
    makeStateFolder(options.config.stateDir);
    bindGround(ground);
    bindTick(ground);
    bindPlanning(ground);
    bindExecution(ground);
    bindCancels(ground);
    bindFace(ground);
    return await getPart(ground.container, 'daemon');
  } catch (error) {
    // What could not be made is what there is to say, also where something cannot be closed.
    await Promise.allSettled([closers.close()]);
    throw error;
  }
}

/** What stands below the tick: events, ledger, policies, sources. */
function bindGround({ container, options, closers }: Ground): void {
  const { config, clock } = options;
  bindPart(container, 'registry', makeRegistry);
  bindPart(container, 'events', async (take) => {
    const { registry } = await take('registry');
    const events = new EventBus();
    closers.add(subscribeMetrics(events, registry));
    if (options.measuresProcess !== false) closers.add(watchProcess(events, registry));
    closers.add(options.subscribe(events));
    return events;
  });
  bindPart(container, 'memory', async (take) => new DaemonMemory((await take('events')).events));
  const inThread = isInThreads(options);
  const open = (): Promise<Ledger> => openStore({ config, clock, inThread }, closers);
  bindPart(container, 'store', () => options.store?.() ?? open());
  bindPart(container, 'leases', async (take) => {
    const { store, events, memory } = await take('store', 'events', 'memory');
    const elapsed = options.elapsed ?? (() => clock.monotonic());
    const world = () => memory.snapshot;
    return makeLeases({ config, leases: store, events, clock, elapsed, world });
  });
  bindPart(
    container,
    'ledgerState',
    async (take) => new LedgerWatch((await take('events')).events),
  );
  bindPart(container, 'ledger', async (take) => {
    const { store, leases, ledgerState } = await take('store', 'leases', 'ledgerState');
    const ledger = store.fencedBy(leases.moves);
    return ledgerState.over(options.between?.(ledger) ?? ledger);
  });
  bindPart(container, 'killSwitch', async (take) => new KillSwitch(await take('ledger', 'events')));
  bindPart(container, 'policies', async (take) => {
    const { events } = await take('events');
    const policies = await PolicyStore.open(config.policies, events);
    closers.add(() => policies.close());
    return policies;
  });
  bindPart(container, 'sources', async (take) => {
    const { events, leases, store } = await take('events', 'leases', 'store');
    const sources = await options.sources(events);
    for (const source of [...sources.hypervisors.values(), ...sources.metricSources])
      closers.add(() => source.close());
    return guarded(sources, leases.moves, store);
  });
}

/** Collect, plan, decide. */
function bindTick({ container, options, haste, pause: breather }: Ground): void {
  const { clock, config, seed, speed } = options;
  const pause = haste.resting(breather);
  bindPart(container, 'collector', async (take) => {
    const { events, sources } = await take('events', 'sources');
    const hypervisors = [...sources.hypervisors.values()];
    const settings = collectorSettings(config.schedule, speed);
    const { metricSources } = sources;
    return new Collector({ hypervisors, metricSources, clock, events, settings, pause });
  });
  bindPart(container, 'orders', async (take) => {
    const { ledger, events } = await take('ledger', 'events');
    return new OrderDesk({ ledger, clock, events, haste, newId: options.newId ?? uuidv7 });
  });
  bindPart(container, 'hooks', async (take) => {
    const parts = await take('ledger', 'orders', 'policies', 'events');
    const { sources, executor, leases } = await take('sources', 'executor', 'leases');
    const { hypervisors } = sources;
    const holds = (host: Host) => leases.keeper.mayAct(leaseScope(host)) !== undefined;
    const hooks = options.hooks ?? configuredHooks(config.maintenance.hooks);
    const inFlight = () => executor.inFlight();
    return new HookRuns({ ...parts, hypervisors, inFlight, holds, clock, hooks });
  });
  bindPart(container, 'estimator', async (take) => {
    const parts = await take('ledger', 'policies', 'planner', 'experience');
    return new Estimator({ ...parts, clock, seed });
  });
  bindPart(container, 'rolling', async (take) => {
    const { keeper } = (await take('leases')).leases;
    return new Rolling({
      ...(await take('ledger', 'orders', 'events', 'estimator')),
      holds: actsOn(keeper),
    });
  });
  bindPart(container, 'alerts', async (take) => {
    const { orders, events, ledger } = await take('orders', 'events', 'ledger');
    const firing = new FiringAlerts({ ledger, clock, events, ...config.alerts });
    return new AlertDesk({ orders, firing, events });
  });
  bindPart(container, 'applying', async (take) => {
    const parts = await take('ledger', 'events', 'policies', 'dispatcher');
    const { keeper } = (await take('leases')).leases;
    return new ApplyDesk({ ...parts, clock, controller: keeper.name });
  });
  bindPart(container, 'notes', async (take) => {
    const { sources, policies } = await take('sources', 'policies');
    return configNotes(config, sources.fencing, policies);
  });
  bindPart(container, 'tick', async (take) => {
    const judges = await take('ledger', 'events', 'policies', 'collector', 'planner', 'orders');
    const doers = await take('ladder', 'failures', 'dispatcher', 'executor', 'alerts');
    const desks = await take('hooks', 'applying', 'breakers', 'notes');
    const { keeper } = (await take('leases')).leases;
    const given = { clock, haste, seed, pause };
    return new Tick({
      ...given,
      ...judges,
      ...doers,
      ...desks,
      ...(await take('experience')),
      alerts: () => doers.alerts.byHost(),
      holds: actsOn(keeper),
      acting: () => keeper.acting(),
      finder: new OwnFinder({ ...judges, machine: options.machine, controller: keeper.name }),
      everySeconds: seconds(config.schedule.tickEverySeconds * speed),
    });
  });
}

/** The planner, what it has learned, who hands its plans on, and what is kept of them. */
function bindPlanning({ container, options, closers, haste, pause }: Ground): void {
  const { clock, config } = options;
  const rest = haste.resting(pause);
  bindPart(container, 'planner', () => {
    const planner = options.planner ?? new Planner();
    closers.add(() => planner.close());
    return planner;
  });
  bindPart(container, 'archive', async (take) => {
    const parts = await take('ledger', 'planner', 'events');
    const archive = new DecisionArchive({ ...parts, clock, rest, settings: config.replay });
    closers.add(() => archive.idle());
    return archive;
  });
  bindPart(container, 'experience', async (take) => {
    const { ledger, events } = await take('ledger', 'events');
    return new Experience(ledger, events, pause);
  });
  bindPart(container, 'dispatcher', async (take) => {
    const parts = await take('ledger', 'executor', 'policies', 'events', 'archive');
    const { leases, memory } = await take('leases', 'memory');
    const isElsewhere = actsElsewhere(leases.keeper, () => memory.snapshot);
    return new Dispatcher({ ...parts, clock, isElsewhere, pause });
  });
}

/** On virtual time nobody else waits for a turn. */
function pauseFor(options: DaemonOptions): Pause | undefined {
  return isInThreads(options) ? makeBreather(() => performance.now()) : undefined;
}

/** Whoever plans in-process lives on virtual time, which waits for no other thread. */
function isInThreads({ planner }: DaemonOptions): boolean {
  return planner === undefined;
}

/** From the gate on. */
function bindExecution({ container, options, closers }: Ground): void {
  const { clock, config, speed } = options;
  bindPart(container, 'ladder', async (take) => {
    const { sources, policies, ...parts } = await take('ledger', 'events', 'sources', 'policies');
    const { hypervisors } = sources;
    return new HostLadder({ ...parts, clock, hypervisors, settings: () => policies.policies });
  });
  bindPart(container, 'failures', async (take) => {
    const { sources, policies, ...parts } = await take('ledger', 'events', 'sources', 'policies');
    const { hypervisors, fencing, probe, guests, peerProbe } = sources;
    const settings = () => policies.policies;
    const { keeper } = (await take('leases')).leases;
    const holds = (host: Host): boolean => keeper.mayAct(leaseScope(host)) !== undefined;
    const asked = { hypervisors, fencing, probe, guests, peerProbe, holds };
    const everySeconds = seconds(config.schedule.tickEverySeconds * speed);
    return new HostFailures({ ...parts, ...asked, clock, settings, everySeconds });
  });
  bindPart(container, 'breakers', async (take) => {
    const { ledger, events, memory } = await take('ledger', 'events', 'memory');
    return new BreakerBoard({ ledger, clock, events, world: () => memory.snapshot });
  });
  bindPart(container, 'executor', async (take) => {
    const { breakers, ledgerState } = await take('breakers', 'ledgerState');
    const { ledger, events, sources } = await take('ledger', 'events', 'sources');
    const { memory, leases, failures } = await take('memory', 'leases', 'failures');
    const { policies } = await take('policies');
    const executor = new Executor({
      ledger,
      hypervisors: sources.hypervisors,
      guests: sources.guests,
      clock,
      events,
      settings: () => policies.policies,
      world: () => memory.world,
      restarts: failures,
      acting: () => leases.keeper.actingNow(),
      breakers: () => breakers.current(),
      mayBegin: () => ledgerState.trouble === undefined,
      timing: { pollLagSeconds: pollLag(config.schedule, speed) },
      sharing: leases.keeper.sharing,
      follower: leases.follower,
      takeUp: (record) => leases.moves.takeUp(record),
      takesPlace: (record) => leases.moves.holdsPart(record),
      letGo: (move) => leases.moves.ended(move),
    });
    closers.add(dropOutdated(events, executor));
    return executor;
  });
}

/** What people and other controllers want of moves under way. */
function bindCancels({ container, options }: Ground): void {
  const { clock } = options;
  bindPart(container, 'cancels', async (take) => {
    const parts = await take('ledger', 'events', 'executor', 'applying', 'orders', 'failures');
    const { leases, ...rest } = await take('leases', 'memory', 'killSwitch', 'policies', 'tick');
    return makeCancels({ ...parts, ...leases, ...rest, clock, newId: options.newId ?? uuidv7 });
  });
}

/** What the outside sees. */
function bindFace({ container, options, closers, pause }: Ground): void {
  const { accessFile, clock, config } = options;
  const cliToken = makeToken();
  bindPart(container, 'api', async (take) => {
    const parts = await take('ledger', 'events', 'policies', 'orders', 'alerts', 'cancels');
    const { tick, memory, sources } = await take('tick', 'memory', 'sources');
    const { keeper } = (await take('leases')).leases;
    const { collector, executor, applying } = await take('collector', 'executor', 'applying');
    const { hooks, estimator, killSwitch } = await take('hooks', 'estimator', 'killSwitch');
    const newId = options.newId ?? uuidv7;
    const watches = await take('failures', 'breakers', 'ledgerState', 'notes');
    return new DaemonApi({
      ...parts,
      ...watches,
      applying,
      killSwitch,
      lost: new LostVms(parts.events),
      hooks: hooks.names,
      estimator,
      rolling: new RollingDesk({ ...parts, estimator, newId }),
      clock,
      version: VERSION,
      startedAt: clock.now(),
      state: () => tick.state,
      progress: () => memory.progress,
      sources: () => collector.statuses(),
      modes: () => modesOf(tick.state?.snapshot, parts.policies.policies),
      movesInFlight: () => executor.inFlight().length,
      waitingForPlace: () => executor.waitingForPlace,
      locate: locator(sources.hypervisors, () => tick.state?.snapshot),
      approve: (plan, by) => tick.approve(plan, by),
      leases: keeper,
      unready: () => [
        ...unready(memory, tick),
        ...leaseReasons(keeper),
        ...ledgerReasons(watches.ledgerState),
      ],
    });
  });
  bindPart(container, 'server', async (take) => {
    const parts = await take('api', 'events', 'registry');
    return makeServer({ ...parts, clock, http: config.http, cliToken, pause });
  });
  bindPart(container, 'daemon', async (take) => {
    const below = await take('events', 'memory', 'ledger', 'policies', 'collector', 'executor');
    const above = await take('cancels', 'hooks', 'ladder', 'failures', 'tick', 'rolling');
    const face = await take('dispatcher', 'api', 'server', 'leases', 'ledgerState', 'killSwitch');
    const { sources } = await take('sources');
    const hypervisors = [...sources.hypervisors.values()];
    const close = () => closers.close();
    const handOver = new HandOver({ ...below, ...above, keeper: face.leases.keeper, clock });
    const needs = new LeaseNeeds({ ...below, keeper: face.leases.keeper, clock });
    const parts = { ...below, ...above, ...face, handOver, needs, hypervisors };
    return new Daemon({ ...parts, config, clock, cliToken, accessFile, close });
  });
}
