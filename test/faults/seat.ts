// Role: one controller of a run: its state folder, its lives one after the other, and the ports
// that each of them is given.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { SimulatedPower } from '../../adapters/simulated/simulated-power.ts';
import { SimulatedHypervisor } from '../../adapters/simulated/simulated-hypervisor.ts';
import type { Daemon } from '../../src/app/daemon.ts';
import type { Sources } from '../../src/app/sources.ts';
import { VirtualDaemon } from '../../src/app/virtual-daemon.ts';
import { type DaemonConfig, defaultDaemonConfig } from '../../src/config/daemon.ts';
import type { Host } from '../../src/domain/host.ts';
import type { SourceId } from '../../src/domain/ids.ts';
import type { EventBus } from '../../src/observe/event-bus.ts';
import type { Fencing } from '../../src/ports/fencing.ts';
import type { Hook } from '../../src/ports/hooks.ts';
import type { HostProbe } from '../../src/ports/host-probe.ts';
import type { Hypervisor } from '../../src/ports/hypervisor.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import type { SimulatedDatacenter } from '../../src/simulate/datacenter.ts';
import type { VirtualClock } from '../../src/simulate/virtual-clock.ts';
import { type Bug, planted } from './bugs.ts';
import { Fate, type When } from './fate.ts';
import { playedHooks } from './hooks.ts';
import type { Judge } from './judge.ts';
import type { Rules } from './script.ts';
import type { Trace } from './trace.ts';
import {
  type Disk,
  outliving,
  watchedHypervisor,
  watchedLeases,
  watchedLedger,
  watchedPower,
  Way,
} from './watched-ports.ts';

export interface SeatParts {
  /** Empty: it is alone, its ledger embedded. */
  readonly name: string;
  readonly folder: string;
  readonly policy: string;
  readonly clock: VirtualClock;
  readonly ledger: Ledger;
  readonly disk: Disk;
  readonly datacenter: SimulatedDatacenter;
  readonly judge: Judge;
  readonly trace: Trace;
  readonly bug: Bug;
  /** With `restart` it has power devices, and another way to the hosts than their hypervisors. */
  readonly rules: Rules;
  readonly newId: () => string;
  /** Before each call of a port, in whichever life. */
  readonly onCall: (fate: Fate) => void;
  readonly onFailure: (where: string, error: unknown) => void;
}

type Named = Pick<Host, 'id' | 'name'>;

interface Life {
  readonly played: VirtualDaemon;
  readonly fate: Fate;
  downSeconds: number;
}

/** How soon whoever watches over the process starts one again that could not start. */
const RESTART_SECONDS = 30;

export class Seat {
  readonly way: Way;
  readonly #parts: SeatParts;
  readonly #trace: Pick<Trace, 'say'>;
  #life: Life | undefined;
  #lives = 0;
  #nextLifeAt = 0;
  #isStale = false;

  constructor(parts: SeatParts) {
    const { name, trace } = parts;
    this.#parts = parts;
    this.way = new Way(parts.clock);
    this.#trace = name === '' ? trace : { say: (who, text) => trace.say(`${name} ${who}`, text) };
  }

  /** Empty: it is the only one. */
  get name(): string {
    return this.#parts.name;
  }

  get lives(): number {
    return this.#lives;
  }

  /** Undefined where it is dead, or stands still. */
  get daemon(): Daemon | undefined {
    return this.#life?.fate.isFrozen === false ? this.#life.played.daemon : undefined;
  }

  get isReady(): boolean {
    return this.daemon?.api.readiness().ready === true;
  }

  async start(): Promise<void> {
    const { bug, clock, ledger, newId, onCall, policy } = this.#parts;
    this.#lives += 1;
    this.#trace.say('daemon', `starts, life ${this.#lives}`);
    const fate: Fate = new Fate(clock, () => onCall(fate));
    const watching = { ...this.#parts, trace: this.#trace, way: this.way, by: this.#id };
    this.#parts.judge.onPolicyRead(this.#id);
    const stateDir = this.#stateFolder();
    const played = await VirtualDaemon.start({
      config: { ...defaultDaemonConfig(), ...this.#shared, stateDir, policies: [policy] },
      time: clock,
      clock: fate.clock(),
      store: async () => {
        const leases = fate.bind(watchedLeases(ledger, watching));
        return outliving(ledger, planted(leases, bug.leases));
      },
      between: (inner) => planted(fate.bind(watchedLedger(inner, watching)), bug.ledger),
      sources: async () => ({
        hypervisors: this.#hypervisors(fate),
        metricSources: [],
        ...(this.#parts.rules.restart ? this.#power(fate) : undefined),
      }),
      hooks: this.#hooks(fate),
      subscribe: (bus) => this.#listen(bus, fate),
      newId,
      seed: 1,
      accessFile: join(stateDir, 'access.json'),
      onFailure: (job, error) => {
        this.#parts.onFailure(`the job ${job}`, error);
        // Whoever watches over the process starts it again.
        if (job === 'start') fate.end();
      },
    });
    this.#life = { played, fate, downSeconds: RESTART_SECONDS };
  }

  /** It watches the files; who stands still sees the edit when it is woken. */
  async reloadPolicies(): Promise<void> {
    this.#isStale = this.daemon === undefined;
    if (this.#isStale) return;
    await this.daemon?.reloadPolicies();
    this.#parts.judge.onPolicyRead(this.#id);
  }

  /** What its schedule does at that second; where it is dead and its time has come, a new life. */
  async jobs(at: number): Promise<void> {
    if (this.#life === undefined) {
      if (at >= this.#nextLifeAt) await this.start();
      return;
    }
    if (this.#life.fate.isFrozen) return;
    if (this.#isStale) await this.reloadPolicies();
    await this.#life.played.jobs(at);
  }

  /** After a moment in which it may have died. */
  settle(): void {
    const life = this.#life;
    if (life?.fate.isOver !== true) return;
    this.#trace.say('daemon', 'is dead');
    this.#nextLifeAt = this.#parts.clock.monotonic() + life.downSeconds;
    this.#life = undefined;
  }

  crash(step: { readonly calls: number; readonly when: When; readonly downSeconds: number }): void {
    if (this.#life === undefined) return;
    this.#life.downSeconds = step.downSeconds;
    this.#life.fate.arm(step.calls, step.when);
  }

  freeze(calls: number, forSeconds: number): void {
    this.#life?.fate.freeze(calls, forSeconds);
  }

  /** Nothing keeps it from its work any more. */
  heal(): void {
    this.way.heal();
    this.#life?.fate.thaw();
  }

  async stop(): Promise<void> {
    this.settle();
    // One that died over it, or has nobody to sign off with, would never say that it has stopped.
    this.#life?.fate.spare();
    this.way.heal();
    await this.#life?.played.stop('the run is over');
  }

  get #id(): string {
    return this.#parts.name === '' ? 'embedded' : this.#parts.name;
  }

  /** The identity outlives the process, as everything in the state folder does. */
  #stateFolder(): string {
    const { folder, name } = this.#parts;
    // Embedded, nothing is in it that a run could need: every life has its own.
    const own = join(folder, name === '' ? `life-${this.#lives}` : name);
    if (this.#lives === 1 || name === '') mkdirSync(own);
    if (this.#lives === 1 && name !== '') {
      writeFileSync(join(own, 'controller.json'), JSON.stringify({ id: name, tokens: {} }));
    }
    return own;
  }

  get #shared(): Pick<DaemonConfig, 'ledger' | 'controller'> | undefined {
    const { name } = this.#parts;
    if (name === '') return undefined;
    const { controller } = defaultDaemonConfig();
    // Never opened: the run brings a store of its own, which all of them share.
    const ledger = { url: 'postgres://shared', password: undefined };
    return { ledger, controller: { ...controller, name } };
  }

  #hypervisors(fate: Fate): ReadonlyMap<SourceId, Hypervisor> {
    const { bug, clock, datacenter, rules } = this.#parts;
    const adapter = new SimulatedHypervisor({ datacenter, clock });
    const watching = { ...this.#parts, trace: this.#trace, way: this.way, by: this.#id };
    const watched = watchedHypervisor(adapter, watching);
    return new Map([
      [adapter.source, planted(fate.bind(watched), (port) => bug.hypervisor?.(port, rules) ?? {})],
    ]);
  }

  /** A process that is gone hears nothing of what it has begun. */
  #hooks(fate: Fate): readonly Hook[] {
    const { bug, clock, judge } = this.#parts;
    const watching = { clock, hooks: judge.hooks, trace: this.#trace, by: this.#id };
    return playedHooks(watching).map((hook) => planted(fate.bind(hook), bug.hook));
  }

  #power(fate: Fate): Pick<Sources, 'fencing' | 'probe'> {
    const power = new SimulatedPower([this.#parts.datacenter]);
    const { judge } = this.#parts;
    const watching = { judge, trace: this.#trace, by: this.#id };
    const bound = fate.bind(watchedPower(power, watching));
    // What is configured is looked up, not asked for.
    const covers = (host: Named): boolean => power.covers(host);
    const fencing: Fencing = {
      covers,
      status: (host, signal) => bound.status(host, signal),
      off: (host, signal) => bound.off(host, signal),
      on: (host, signal) => bound.on(host, signal),
    };
    const probe: HostProbe = { covers, ask: (host, signal) => bound.ask(host, signal) };
    return { fencing: planted(fencing, this.#parts.bug.fencing), probe };
  }

  #listen(bus: EventBus, fate: Fate): () => void {
    const offs = [
      bus.on('failure', ({ where, error }) => {
        if (!fate.isOver) this.#parts.onFailure(where, error);
      }),
      bus.on('plan-rejected', ({ plan, violations }) => {
        if (fate.isOver) return;
        const codes = violations.map((one) => JSON.stringify(one)).join('; ');
        this.#parts.judge.wrong('valid-plan', `the plan ${plan} is refused: ${codes}`);
      }),
    ];
    return () => offs.forEach((off) => off());
  }
}
