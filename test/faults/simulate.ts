// Role: plays one script: the whole daemon, life after life, on virtual time, with the judge in
// between. Whatever the script holds, the run ends and says what was wrong.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { seconds } from '../../src/domain/units.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite-ledger.ts';
import { type Ledger, LedgerError } from '../../src/ports/ledger.ts';
import { AdapterError } from '../../src/ports/metric-source.ts';
import { SimulatedDatacenter } from '../../src/simulate/datacenter.ts';
import type { FaultOf } from '../../src/simulate/fault.ts';
import { virtualClock } from '../support/virtual-time.ts';
import type { Bug } from './bugs.ts';
import type { Fate } from './fate.ts';
import { judgeEnd, leftToDo } from './judge-end.ts';
import type { Wrong } from './invariants.ts';
import { Judge } from './judge.ts';
import { type Door, People } from './people.ts';
import { policyText } from './policy-file.ts';
import { happen, heal, repair } from './happen.ts';
import {
  type Errand,
  isErrand,
  isWish,
  type RunMode,
  type Script,
  type Step,
  tellStep,
} from './script.ts';
import { Seat } from './seat.ts';
import type { Strike } from './strike.ts';
import { Trace } from './trace.ts';
import { Disk } from './watched-ports.ts';
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
  /** That the first controller has made of its ports, until everything was done. */
  readonly calls: number;
  /** How often one controller took over what another one had. */
  readonly takeOvers: number;
}

export interface SimulateOptions {
  readonly trace?: boolean;
  readonly bug?: Bug;
  /** Ends as soon as something is wrong. */
  readonly untilWrong?: boolean;
  /** The run does not end before that is over. */
  readonly strike?: Strike | undefined;
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
/** For so long a struck controller is watched afterwards. */
const AFTER_STRIKE_SECONDS = 60;
/** Several controllers renew their leases in between. */
const BEAT_SECONDS = 10;

class Simulation {
  readonly #script: Script;
  readonly #folder: string;
  readonly #clock: ReturnType<typeof virtualClock>;
  readonly #ledger: Ledger;
  readonly #bug: Bug;
  readonly #isHasty: boolean;
  readonly #strike: Strike | undefined;
  readonly #datacenter: SimulatedDatacenter;
  readonly #judge: Judge;
  readonly #people: People;
  readonly #trace: Trace;
  readonly #disk = new Disk();
  readonly #policy: string;
  readonly #seats: readonly Seat[];
  readonly #stepSeconds: number;
  #orders = 0;
  /** Of the first controller. */
  #calls = 0;
  /** When whoever was struck has had time to do harm. */
  #strikeOverAt = Number.NEGATIVE_INFINITY;
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
    this.#strike = parts.strike;
    this.#datacenter = new SimulatedDatacenter(script.fleet, parts.clock);
    this.#judge = new Judge(this.#datacenter, parts.clock, script.rules);
    this.#people = new People(this.#judge.people, this.#judge.rolling, this.#bug);
    this.#trace = new Trace(parts.clock, parts.folder, parts.trace ?? false);
    this.#policy = join(parts.folder, 'policy.yaml');
    const isAlone = script.controllers === 1;
    this.#stepSeconds = isAlone ? STEP_SECONDS : BEAT_SECONDS;
    const names = Array.from({ length: script.controllers }, (_none, one) => `c${one + 1}`);
    this.#seats = (isAlone ? [''] : names).map((name, one) => this.#seat(name, one));
  }

  async play(): Promise<Run> {
    const { calmAt, last } = this.#script;
    const steps = [...this.#script.steps];
    this.#writePolicy('automatic');
    for (const seat of this.#seats) await seat.start();
    const step = this.#stepSeconds;
    for (let at = step; at <= calmAt && !this.#isDone; at += step) await this.#round(at, steps);
    await this.#calm();
    const begin = Math.ceil(this.#clock.monotonic() / STEP_SECONDS) * STEP_SECONDS;
    let movedAt = begin;
    let said = '';
    for (let at = begin; at <= calmAt + CALM_SECONDS && !this.#isDone; at += step) {
      await this.#round(at, []);
      if (!this.#isAnyReady) continue;
      // The order may get lost with a daemon that dies over it.
      if (!(await this.#isOrdered(last))) {
        await this.#order(last);
        continue;
      }
      await this.#readmit();
      const left = await leftToDo(this.#ending);
      const state = `${left ?? ''} ${this.#judge.journal.known.size}`;
      if (state !== said) movedAt = at;
      said = state;
      const isLeft = left !== undefined || at < this.#strikeOverAt;
      if (!isLeft || at - movedAt > STANDSTILL_SECONDS) break;
    }
    if (!this.#isDone) await judgeEnd(this.#judge, this.#ending);
    const calls = this.#calls;
    for (const seat of this.#seats) await seat.stop();
    return this.#result(calls);
  }

  get #isDone(): boolean {
    return this.#isHasty && this.#judge.wrongs.length > 0;
  }

  get #isAnyReady(): boolean {
    return this.#seats.some(({ isReady }) => isReady);
  }

  get #ending() {
    return { script: this.#script, datacenter: this.#datacenter, ledger: this.#ledger };
  }

  #result(calls: number): Run {
    const { wrongs, journal, takeOvers } = this.#judge;
    return {
      wrongs,
      hash: this.#trace.digest(),
      lines: this.#trace.lines,
      virtualSeconds: this.#clock.monotonic(),
      lives: this.#seats.reduce((sum, { lives }) => sum + lives, 0),
      moves: [...journal.closed.values()].filter(({ outcome }) => outcome === 'succeeded').length,
      calls,
      takeOvers,
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
    for (const seat of this.#seats) await seat.jobs(at);
    await this.#settled();
  }

  async #until(at: number): Promise<void> {
    await this.#clock.advance(seconds(Math.max(0, at - this.#clock.monotonic())));
  }

  async #settled(): Promise<void> {
    await this.#clock.advance(seconds(0));
    for (const seat of this.#seats) seat.settle();
    await this.#judge.onSettled(this.#ledger, this.#isAnyReady);
  }

  #seat(name: string, index: number): Seat {
    return new Seat({
      name,
      folder: this.#folder,
      policy: this.#policy,
      clock: this.#clock,
      ledger: this.#ledger,
      disk: this.#disk,
      datacenter: this.#datacenter,
      judge: this.#judge,
      trace: this.#trace,
      bug: this.#bug,
      rules: this.#script.rules,
      newId: () => {
        this.#orders += 1;
        return `order-${this.#orders}`;
      },
      onCall: (fate) => {
        if (index === 0) this.#onCall(fate);
      },
      onFailure: (where, error) => this.#failed(where, error),
    });
  }

  #onCall(fate: Fate): void {
    this.#calls += 1;
    const strike = this.#strike;
    if (strike?.call !== this.#calls) return;
    this.#trace.say('strike', JSON.stringify(strike));
    const forSeconds = strike.kind === 'clock-jump' ? 0 : strike.forSeconds;
    this.#strikeOverAt = this.#clock.monotonic() + forSeconds + AFTER_STRIKE_SECONDS;
    if (strike.kind === 'freeze') fate.freeze(0, forSeconds);
    else if (strike.kind === 'ledger-cut') this.#seats[0]?.way.cut(forSeconds);
    else this.#jump(strike.delta);
  }

  #jump(delta: number): void {
    this.#clock.jump(delta);
    this.#jumped += delta;
  }

  /** A disk that was broken on purpose is no surprise; a contradiction in the ledger always is. */
  #failed(where: string, error: unknown): void {
    this.#trace.say('failure', `${where}: ${String(error)}`);
    const isExpected =
      error instanceof AdapterError || (error instanceof LedgerError && this.#isForeseen(error));
    if (!isExpected) this.#judge.wrong('no-failure', `${where}: ${String(error)}`);
  }

  #isForeseen({ code }: LedgerError): boolean {
    // The last job may be under way when the run is over, and everything is closed.
    if (code === 'closed') return true;
    if (code === 'lost-lease' || code === 'unreachable') return this.#seats.length > 1;
    return code !== 'conflict' && this.#disk.hasBroken;
  }

  async #act(step: Step): Promise<void> {
    this.#trace.say('step', tellStep(step));
    if (step.kind === 'fault') {
      if (step.fault.kind === 'host-crash') this.#crashHost(step.fault);
      happen(step.fault, this.#datacenter, this.#judge);
    } else if (step.kind === 'clock-jump') this.#jump(step.delta);
    else if (step.kind === 'disk') this.#disk.break(step.effect, step.times);
    else if (isErrand(step)) this.#errand(step);
    else if (isWish(step)) await this.#wish(step);
    else this.#befall(step);
  }

  /** Controllers in its VMs die with it, and are back when it has booted. */
  #crashHost({ host, forSeconds }: FaultOf<'host-crash'>): void {
    this.#judge.onCrash(host);
    for (const { vm, role, controller } of this.#script.rules.own) {
      const isThere = this.#datacenter.truth.whereabouts(vm).runningOn.includes(host);
      if (role !== 'controller' || !isThere) continue;
      const isSole = this.#seats.length === 1;
      const seat = this.#seats.find(({ name }) => name === controller || isSole);
      seat?.crash({ calls: 0, when: 'before', downSeconds: forSeconds });
    }
  }

  #befall(step: Extract<Step, { readonly controller: number }>): void {
    const seat = this.#seats[step.controller];
    if (step.kind === 'crash') seat?.crash(step);
    else if (step.kind === 'freeze') seat?.freeze(step.calls, step.forSeconds);
    else seat?.way.cut(step.forSeconds);
  }

  async #wish(step: Step & { kind: string }): Promise<void> {
    if (step.kind === 'mode' && isWish(step)) {
      this.#writePolicy(step.mode);
      await this.#reloadPolicies();
      return;
    }
    if (step.kind === 'cancel') this.#judge.onCancel();
    // Whoever wants something asks one that answers, not the one that happens to be in charge.
    const awake = this.#seats.flatMap(({ daemon }) => daemon ?? []);
    const daemon = awake[Math.floor(this.#clock.monotonic()) % Math.max(1, awake.length)];
    if (daemon === undefined || !isWish(step)) return;
    // Not waited for: the daemon may die over it.
    wish(daemon, step).then(
      (answer) => this.#trace.say('answer', answer),
      (error: unknown) => this.#failed(`the answer to ${step.kind}`, error),
    );
  }

  /** Not waited for, as a wish is not. */
  #errand(step: Step & Errand): void {
    this.#people.ask(this.#doors, step).then(
      (answer) => this.#trace.say('answer', answer),
      (error: unknown) => this.#failed(`the answer to ${step.kind}`, error),
    );
  }

  get #doors(): readonly Door[] {
    return this.#seats.flatMap(({ name, daemon }) => (daemon ? [{ name, api: daemon.api }] : []));
  }

  async #reloadPolicies(): Promise<void> {
    for (const seat of this.#seats) await seat.reloadPolicies();
  }

  #writePolicy(mode: RunMode): void {
    this.#judge.onMode(mode);
    const { rules } = this.#script;
    const told = typeof this.#bug.rules === 'function' ? this.#bug.rules(rules) : this.#bug.rules;
    const text = policyText({ ...rules, ...told }, mode);
    writeFileSync(this.#policy, this.#bug.policy?.(text) ?? text);
  }

  /** From now on nothing goes wrong any more, and one host is to be emptied. */
  async #calm(): Promise<void> {
    this.#trace.say('step', 'the trouble is over');
    heal(this.#datacenter);
    this.#disk.heal();
    // Whatever was cut, somebody has repaired it and gives it its power back.
    for (const { id } of this.#script.fleet.hosts) this.#datacenter.setPower(id, true);
    repair(this.#script.steps, this.#datacenter);
    this.#clock.jump(-this.#jumped);
    this.#writePolicy('automatic');
    // A strike takes as long as it takes, so that whoever was struck finds the others at work.
    if (this.#strike === undefined) for (const seat of this.#seats) seat.heal();
    await this.#reloadPolicies();
    await this.#settled();
  }

  async #isOrdered(last: Script['last']): Promise<boolean> {
    const orders = await this.#ledger.orders(false);
    const open = orders.filter(({ state }) => state === 'open').map(({ host }) => host);
    return open.join() === last && !(await this.#ledger.paused()).paused;
  }

  /** Hosts that were dead and answer again wait for an operator. */
  async #readmit(): Promise<void> {
    const at = this.#clock.monotonic();
    for (const { host, state } of await this.#ledger.hostFailures()) {
      if (state === 'returned') await this.#act({ at, kind: 'return', host });
    }
    await this.#settled();
  }

  /** Rolling maintenances end, and whoever is at work on the host with a hook gives it back. */
  async #endWork(last: Script['last']): Promise<void> {
    const orders = await this.#ledger.orders(false);
    const [door] = this.#doors;
    if (door !== undefined && orders.some(({ rolling }) => rolling !== undefined)) {
      this.#people.endRolling(door.api).catch((error: unknown) => this.#failed('the end', error));
      await this.#settled();
    }
    const isHooked = orders.some(({ host, hook }) => host === last && hook !== undefined);
    if (isHooked) await this.#act({ at: this.#clock.monotonic(), kind: 'return', host: last });
  }

  async #order(last: Script['last']): Promise<void> {
    const at = this.#clock.monotonic();
    await this.#act({ at, kind: 'resume' });
    if (this.#script.steps.some(isErrand)) await this.#endWork(last);
    for (const { id } of this.#script.fleet.hosts) {
      await this.#act({ at, kind: 'alert', host: id, status: 'resolved' });
      if (id !== last) await this.#act({ at, kind: 'return', host: id });
    }
    await this.#act({ at, kind: 'maintenance', host: last });
    await this.#settled();
  }
}
