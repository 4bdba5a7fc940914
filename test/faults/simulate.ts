// Role: plays one script: the whole daemon, life after life, on virtual time, with the judge in
// between. Whatever the script holds, the run ends and says what was wrong.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { SimulatedHypervisor } from '../../adapters/simulated/simulated-hypervisor.ts';
import { VirtualDaemon } from '../../src/app/virtual-daemon.ts';
import { defaultDaemonConfig } from '../../src/config/daemon.ts';
import type { SourceId } from '../../src/domain/ids.ts';
import { seconds } from '../../src/domain/units.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite-ledger.ts';
import type { EventBus } from '../../src/observe/event-bus.ts';
import type { Hypervisor } from '../../src/ports/hypervisor.ts';
import { type Ledger, LedgerError } from '../../src/ports/ledger.ts';
import { AdapterError } from '../../src/ports/metric-source.ts';
import { SimulatedDatacenter } from '../../src/simulate/datacenter.ts';
import type { LastingFault } from '../../src/simulate/fault.ts';
import { virtualClock } from '../support/virtual-time.ts';
import { type Bug, planted } from './bugs.ts';
import { Fate } from './fate.ts';
import { judgeEnd, leftToDo } from './judge-end.ts';
import { Judge, type Wrong } from './judge.ts';
import { policyText } from './policy-file.ts';
import { isWish, type Script, type Step, tellStep } from './script.ts';
import { Trace } from './trace.ts';
import { Disk, outliving, watchedHypervisor, watchedLedger } from './watched-ports.ts';
import { wish } from './wish.ts';

export interface Run {
  readonly wrongs: readonly Wrong[];
  /** Of everything that happened. */
  readonly hash: string;
  /** Only where it was asked for. */
  readonly lines: readonly string[];
  readonly virtualSeconds: number;
  readonly lives: number;
  readonly moves: number;
}

export interface SimulateOptions {
  readonly trace?: boolean;
  readonly bug?: Bug;
  /** Ends as soon as something is wrong. */
  readonly untilWrong?: boolean;
}

export async function simulate(script: Script, options: SimulateOptions = {}): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'drover-faults-'));
  try {
    const clock = virtualClock();
    const ledger = await openSqliteLedger({ file: ':memory:', clock });
    const run = await new Simulation(script, { ...options, folder, clock, ledger }).play();
    await ledger.close();
    return run;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Between two looks: the daemon collects. */
const STEP_SECONDS = 30;
/** In which everything must be done, once the trouble is over: the longest pause is an hour. */
const CALM_SECONDS = 4 * 3600;
/** Longer than the longest pause after a failure: who has done nothing by then never will. */
const STANDSTILL_SECONDS = 4500;
/** How soon whoever watches over the process starts one again that could not start. */
const RESTART_SECONDS = 30;

const LASTING: readonly LastingFault['kind'][] = [
  ...(['overheat', 'health', 'surge', 'host-crash', 'link', 'control-cut', 'samples'] as const),
  ...(['source-clock', 'dirty-rate', 'lock'] as const),
];

interface Life {
  readonly played: VirtualDaemon;
  readonly fate: Fate;
  downSeconds: number;
}

class Simulation {
  readonly #script: Script;
  readonly #folder: string;
  readonly #clock: ReturnType<typeof virtualClock>;
  readonly #ledger: Ledger;
  readonly #bug: Bug;
  readonly #isHasty: boolean;
  readonly #datacenter: SimulatedDatacenter;
  readonly #judge: Judge;
  readonly #trace: Trace;
  readonly #disk = new Disk();
  readonly #policy: string;
  #life: Life | undefined;
  #lives = 0;
  #nextLifeAt = 0;
  #orders = 0;
  /** By how many seconds the machine's clock is wrong. */
  #jumped = 0;

  constructor(
    script: Script,
    parts: SimulateOptions & {
      readonly folder: string;
      readonly clock: ReturnType<typeof virtualClock>;
      readonly ledger: Ledger;
    },
  ) {
    this.#script = script;
    this.#folder = parts.folder;
    this.#clock = parts.clock;
    this.#ledger = parts.ledger;
    this.#bug = parts.bug ?? {};
    this.#isHasty = parts.untilWrong ?? false;
    this.#datacenter = new SimulatedDatacenter(script.fleet, parts.clock);
    this.#judge = new Judge(this.#datacenter, parts.clock, script.rules);
    this.#trace = new Trace(parts.clock, parts.folder, parts.trace ?? false);
    this.#policy = join(parts.folder, 'policy.yaml');
  }

  async play(): Promise<Run> {
    const { calmAt, last } = this.#script;
    const steps = [...this.#script.steps];
    this.#writePolicy('automatic');
    await this.#start();
    for (let at = STEP_SECONDS; at <= calmAt && !this.#isDone; at += STEP_SECONDS) {
      await this.#round(at, steps);
    }
    await this.#calm();
    const begin = Math.ceil(this.#clock.monotonic() / STEP_SECONDS) * STEP_SECONDS;
    let movedAt = begin;
    let said = '';
    for (let at = begin; at <= calmAt + CALM_SECONDS && !this.#isDone; at += STEP_SECONDS) {
      await this.#round(at, []);
      if (this.#life?.played.daemon.api.readiness().ready !== true) continue;
      // The order may get lost with a daemon that dies over it.
      if (!(await this.#isOrdered(last))) {
        await this.#order(last);
        continue;
      }
      const left = await leftToDo(this.#ending);
      const state = `${left ?? ''} ${this.#judge.journal.known.size}`;
      if (state !== said) movedAt = at;
      said = state;
      if (left === undefined || at - movedAt > STANDSTILL_SECONDS) break;
    }
    if (!this.#isDone) await judgeEnd(this.#judge, this.#ending);
    await this.#life?.played.stop('the run is over');
    return this.#result();
  }

  get #isDone(): boolean {
    return this.#isHasty && this.#judge.wrongs.length > 0;
  }

  get #ending() {
    return { script: this.#script, datacenter: this.#datacenter, ledger: this.#ledger };
  }

  #result(): Run {
    const { wrongs, journal } = this.#judge;
    return {
      wrongs,
      hash: this.#trace.digest(),
      lines: this.#trace.lines,
      virtualSeconds: this.#clock.monotonic(),
      lives: this.#lives,
      moves: [...journal.closed.values()].filter(({ outcome }) => outcome === 'succeeded').length,
    };
  }

  async #round(at: number, steps: Step[]): Promise<void> {
    for (let step = steps[0]; step !== undefined && step.at <= at; step = steps[0]) {
      steps.shift();
      await this.#until(step.at);
      await this.#act(step);
      await this.#settled();
    }
    await this.#until(at);
    if (this.#life === undefined && at >= this.#nextLifeAt) await this.#start();
    else await this.#life?.played.jobs(at);
    await this.#settled();
  }

  async #until(at: number): Promise<void> {
    await this.#clock.advance(seconds(Math.max(0, at - this.#clock.monotonic())));
  }

  async #settled(): Promise<void> {
    await this.#clock.advance(seconds(0));
    const life = this.#life;
    if (life?.fate.isOver === true) {
      this.#trace.say('daemon', 'is dead');
      this.#nextLifeAt = this.#clock.monotonic() + life.downSeconds;
      this.#life = undefined;
    }
    await this.#judge.onSettled(this.#ledger);
  }

  async #start(): Promise<void> {
    this.#lives += 1;
    this.#trace.say('daemon', `starts, life ${this.#lives}`);
    const fate = new Fate();
    const watching = { judge: this.#judge, trace: this.#trace, disk: this.#disk };
    const stateDir = join(this.#folder, `life-${this.#lives}`);
    mkdirSync(stateDir);
    const played = await VirtualDaemon.start({
      config: { ...defaultDaemonConfig(), stateDir, policies: [this.#policy] },
      time: this.#clock,
      clock: fate.clock(this.#clock),
      store: async () => outliving(this.#ledger),
      between: (ledger) => planted(fate.bind(watchedLedger(ledger, watching)), this.#bug.ledger),
      sources: async () => ({ hypervisors: this.#hypervisors(fate), metricSources: [] }),
      subscribe: (bus) => this.#listen(bus, fate),
      newId: () => {
        this.#orders += 1;
        return `order-${this.#orders}`;
      },
      seed: 1,
      accessFile: join(stateDir, 'access.json'),
      onFailure: (job, error) => {
        this.#failed(`the job ${job}`, error);
        // Whoever watches over the process starts it again.
        if (job === 'start') fate.end();
      },
    });
    this.#life = { played, fate, downSeconds: RESTART_SECONDS };
  }

  #hypervisors(fate: Fate): ReadonlyMap<SourceId, Hypervisor> {
    const adapter = new SimulatedHypervisor({ datacenter: this.#datacenter, clock: this.#clock });
    const watched = watchedHypervisor(adapter, { judge: this.#judge, trace: this.#trace });
    return new Map([[adapter.source, planted(fate.bind(watched), this.#bug.hypervisor)]]);
  }

  #listen(bus: EventBus, fate: Fate): () => void {
    const offs = [
      bus.on('failure', ({ where, error }) => {
        if (!fate.isOver) this.#failed(where, error);
      }),
      bus.on('plan-rejected', ({ plan, violations }) => {
        if (fate.isOver) return;
        const codes = violations.map((one) => JSON.stringify(one)).join('; ');
        this.#judge.wrong('valid-plan', `the plan ${plan} is refused: ${codes}`);
      }),
    ];
    return () => offs.forEach((off) => off());
  }

  /** A disk that was broken on purpose is no surprise; a contradiction in the ledger always is. */
  #failed(where: string, error: unknown): void {
    this.#trace.say('failure', `${where}: ${String(error)}`);
    // The last job may be under way when the run is over, and everything is closed.
    const isExpected =
      error instanceof AdapterError ||
      (error instanceof LedgerError &&
        (error.code === 'closed' || (error.code !== 'conflict' && this.#disk.hasBroken)));
    if (!isExpected) this.#judge.wrong('no-failure', `${where}: ${String(error)}`);
  }

  async #act(step: Step): Promise<void> {
    this.#trace.say('step', tellStep(step));
    if (step.kind === 'fault') {
      if (step.fault.kind === 'host-crash') this.#judge.onCrash(step.fault.host);
      if (step.fault.kind === 'drift') this.#judge.onDrift(step.fault.vm);
      this.#datacenter.inject(step.fault);
    } else if (step.kind === 'clock-jump') {
      this.#clock.jump(step.delta);
      this.#jumped += step.delta;
    } else if (step.kind === 'disk') this.#disk.break(step.effect, step.times);
    else if (step.kind === 'crash') {
      if (this.#life === undefined) return;
      this.#life.downSeconds = step.downSeconds;
      this.#life.fate.arm(step.calls, step.when);
    } else if (isWish(step)) await this.#wish(step);
  }

  async #wish(step: Step & { kind: string }): Promise<void> {
    const life = this.#life;
    if (step.kind === 'mode' && isWish(step)) {
      this.#writePolicy(step.mode);
      await life?.played.daemon.reloadPolicies();
      return;
    }
    if (step.kind === 'cancel') this.#judge.onCancel();
    if (life === undefined || !isWish(step)) return;
    // Not waited for: the daemon may die over it.
    wish(life.played.daemon, step).then(
      (answer) => this.#trace.say('answer', answer),
      (error: unknown) => this.#failed(`the answer to ${step.kind}`, error),
    );
  }

  #writePolicy(mode: 'automatic' | 'observe'): void {
    this.#judge.onMode(mode);
    writeFileSync(this.#policy, policyText({ ...this.#script.rules, ...this.#bug.rules }, mode));
  }

  /** From now on nothing goes wrong any more, and one host is to be emptied. */
  async #calm(): Promise<void> {
    this.#trace.say('step', 'the trouble is over');
    for (const kind of LASTING) this.#datacenter.heal(kind);
    this.#disk.heal();
    this.#clock.jump(-this.#jumped);
    this.#writePolicy('automatic');
    await this.#life?.played.daemon.reloadPolicies();
    await this.#settled();
  }

  async #isOrdered(last: Script['last']): Promise<boolean> {
    const orders = await this.#ledger.orders(false);
    const open = orders.filter(({ state }) => state === 'open').map(({ host }) => host);
    return open.join() === last && !(await this.#ledger.paused()).paused;
  }

  async #order(last: Script['last']): Promise<void> {
    const daemon = this.#life?.played.daemon;
    if (daemon === undefined) return;
    const at = this.#clock.monotonic();
    await this.#act({ at, kind: 'resume' });
    for (const { id } of this.#script.fleet.hosts) {
      await this.#act({ at, kind: 'alert', host: id, status: 'resolved' });
      if (id !== last) await this.#act({ at, kind: 'return', host: id });
    }
    await this.#act({ at, kind: 'maintenance', host: last });
    await this.#settled();
  }
}
