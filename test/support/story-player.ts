// Role: plays a story on virtual time. Everything but the hypervisors is the product itself, put
// together by its own composition root; only the jobs of its schedule are called from here, at the
// moments at which the schedule would.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import { SimulatedPower } from '../../adapters/simulated/simulated-power.ts';
import { SimulatedHypervisor } from '../../adapters/simulated/simulated-hypervisor.ts';
import type { Daemon } from '../../src/app/daemon.ts';
import type { Sources } from '../../src/app/sources.ts';
import type { TickState } from '../../src/app/tick.ts';
import { PACKAGE_ROOT } from '../../src/app/version.ts';
import { VirtualDaemon } from '../../src/app/virtual-daemon.ts';
import { defaultDaemonConfig } from '../../src/config/daemon.ts';
import { loadPolicies } from '../../src/config/policies.ts';
import type { SourceId } from '../../src/domain/ids.ts';
import { formatProblem } from '../../src/config/problem.ts';
import { seconds } from '../../src/domain/units.ts';
import type { EventBus } from '../../src/observe/event-bus.ts';
import type { VirtualClock } from '../../src/simulate/virtual-clock.ts';
import { ask, tellAction, toFault } from './story-actions.ts';
import { type Action, isFault, isRequest, type Story } from './story-file.ts';
import { StoryWorld } from './story-fleet.ts';
import { scriptedHook } from './scripted-hook.ts';
import { Judge } from './story-judge.ts';
import { replayFaults } from './story-replay.ts';
import { Transcript } from './story-transcript.ts';
import { virtualClock } from './virtual-time.ts';

export interface Played {
  /** The transcript, ending with a line feed. */
  readonly log: string;
  /** What the judge has to say; empty: nothing. */
  readonly faults: readonly string[];
}

export async function playStory(story: Story): Promise<Played> {
  const folder = mkdtempSync(join(tmpdir(), 'drover-story-'));
  try {
    const stage = new Stage(story, folder);
    return await stage.play();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const DEFAULT_POLICY = join(PACKAGE_ROOT, 'policies', 'default.yaml');
interface Life {
  readonly played: VirtualDaemon;
  readonly deaf: () => void;
}

class Stage {
  readonly #story: Story;
  readonly #folder: string;
  readonly #clock: VirtualClock = virtualClock();
  readonly #world: StoryWorld;
  readonly #log: Transcript;
  /** The policy files in force, where an edit finds them. */
  readonly #policyFiles: readonly string[];
  readonly #failures: string[] = [];
  /** The id of the newest plan, by time. */
  readonly #shown = new Map<number, string>();
  #lives = 0;
  #orders = 0;
  #life: Life | undefined;
  #nextLifeAt = 0;

  constructor(story: Story, folder: string) {
    this.#story = story;
    this.#folder = folder;
    this.#world = new StoryWorld(story.fleet, this.#clock, story.storageLocks);
    this.#log = new Transcript(this.#clock);
    this.#policyFiles = story.policies.map((path) => this.#copied(path));
  }

  async play(): Promise<Played> {
    const policies = await loadPolicies([...this.#policyFiles]);
    if (!policies.ok) throw new Error(policies.error.map(formatProblem).join('\n'));
    const judge = new Judge(this.#world, this.#clock, policies.value);
    const { schedule } = defaultDaemonConfig();
    await this.#start(judge);
    const steps = this.#story.steps.toSorted((a, b) => a.at - b.at);
    const every = schedule.collectEverySeconds;
    for (let at = every as number; at <= this.#story.seconds; at += every) {
      for (let step = steps[0]; step !== undefined && step.at <= at; step = steps[0]) {
        steps.shift();
        await this.#until(step.at);
        await this.#act(step.action, judge);
      }
      await this.#until(at);
      if (this.#life === undefined && at >= this.#nextLifeAt) await this.#start(judge);
      else await this.#jobs(at);
    }
    this.#tellEnd();
    const faults = [...judge.verdict(this.#story.down), ...this.#failures];
    await this.#end('end');
    faults.push(...(await replayFaults(join(this.#stateDir(), 'ledger.db'))));
    return { log: `${this.#log.lines.join('\n')}\n`, faults };
  }

  async #until(at: number): Promise<void> {
    await this.#clock.advance(seconds(Math.max(0, at - this.#clock.monotonic())));
  }

  /** Lets everything happen that takes no time. */
  #settle(): Promise<void> {
    return this.#clock.advance(seconds(0));
  }

  async #start(judge: Judge): Promise<void> {
    const base = defaultDaemonConfig();
    let deaf = (): void => undefined;
    this.#log.say('drover', 'starts');
    const played = await VirtualDaemon.start({
      config: { ...base, stateDir: this.#stateDir(), policies: this.#policyFiles },
      time: this.#clock,
      sources: async () => this.#sources(),
      subscribe: (bus: EventBus) => {
        const offs = [this.#log.follow(bus), judge.follow(bus)];
        deaf = () => offs.forEach((off) => off());
        return undefined;
      },
      hooks: Object.entries(this.#story.hooks).map(([name, script]) =>
        scriptedHook(name, script, this.#clock),
      ),
      newId: () => {
        this.#orders += 1;
        return `order-${this.#orders}`;
      },
      seed: 1,
      accessFile: join(this.#folder, 'access.json'),
      onFailure: (job, error) => {
        this.#log.say('FAILURE', `${job}: ${String(error)}`);
        this.#failures.push(`the job ${job} failed: ${String(error)}`);
      },
    });
    this.#life = { played, deaf };
  }

  #sources(): Sources {
    const sources = { hypervisors: this.#hypervisors(), metricSources: [] };
    if (!this.#story.fencing) return sources;
    const power = new SimulatedPower([...this.#world.datacenters.values()]);
    return { ...sources, fencing: power, probe: power };
  }

  #hypervisors(): Map<SourceId, SimulatedHypervisor> {
    const clock = this.#clock;
    return new Map(
      [...this.#world.datacenters].map(([source, datacenter]) => {
        // Without latency the transcript does not depend on how often somebody asks.
        return [source, new SimulatedHypervisor({ datacenter, clock, latency: seconds(0) })];
      }),
    );
  }

  async #jobs(at: number): Promise<void> {
    await this.#life?.played.jobs(at);
    const newest = this.#life?.played.daemon.api.status().lastPlan;
    if (newest !== undefined && newest !== null) this.#shown.set(at, newest.id);
  }

  /** The newest plan of that time, or of the last moment before it at which there was one. */
  #shownAt(at = Number.POSITIVE_INFINITY): string {
    const [, id] = [...this.#shown].findLast(([then]) => then <= at) ?? [];
    return id ?? 'none';
  }

  async #act(action: Action, judge: Judge): Promise<void> {
    this.#log.say('>>', tellAction(action));
    const daemon = this.#life?.played.daemon;
    if (isFault(action)) {
      this.#world.struckBy(toFault(action), sourceOf(action)).inject(toFault(action));
    } else if (action.kind === 'power') {
      this.#world.ofHost(action.host).setPower(action.host, action.on);
    } else if (action.kind === 'heal') {
      this.#world.heal(action.fault, action.host);
    } else if (action.kind === 'crash' || action.kind === 'restart') {
      await this.#end(action.kind);
      this.#nextLifeAt = this.#clock.monotonic() + action.for;
    } else if (daemon === undefined) {
      this.#log.say('nobody', 'listens: Drover is not running');
    } else if (isRequest(action)) {
      const answer = await ask(daemon, action, (at) => this.#shownAt(at));
      if (answer !== '') this.#log.say('answer', answer);
    } else {
      await this.#edit(action.file, daemon, judge);
    }
    await this.#settle();
  }

  async #edit(file: string, daemon: Daemon, judge: Judge): Promise<void> {
    cpSync(join(this.#story.folder, file), this.#policyFiles.at(-1) ?? '');
    await daemon.reloadPolicies();
    const edited = await loadPolicies([...this.#policyFiles]);
    if (edited.ok) judge.policies = edited.value;
  }

  /** `crash`: nothing that waits ever goes on, and what is on the disk is all that is left. */
  async #end(how: 'crash' | 'restart' | 'end'): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    if (life === undefined) return;
    if (how === 'crash') {
      const old = this.#stateDir();
      this.#clock.abandon();
      life.deaf();
      this.#lives += 1;
      // The dead process still holds its files open: its heir gets what is on the disk.
      mkdirSync(this.#stateDir());
      for (const file of readdirSync(old).filter((name) => /^ledger\.db(-wal)?$/.test(name))) {
        cpSync(join(old, file), join(this.#stateDir(), file));
      }
      return;
    }
    await life.played.stop(how);
    life.deaf();
  }

  #stateDir(): string {
    return join(this.#folder, `state-${this.#lives}`);
  }

  /** An edit must not change the story itself. */
  #copied(path: string): string {
    if (path === 'default') return DEFAULT_POLICY;
    const copy = join(this.#folder, basename(path));
    cpSync(path, copy);
    return copy;
  }

  #tellEnd(): void {
    const { hosts, vms } = this.#world.fleet;
    const state = this.#life?.played.daemon.state;
    const lines = hosts.map((host) => {
      const there = vms.filter((vm) => this.#world.runningOn(vm.id).includes(host.id));
      const seen = state?.snapshot.hosts.find((one) => one.id === host.id);
      const cpu = this.#world.ofHost(host.id).truth.cpuUtilisation(host.id);
      const names = there.map((vm) => vm.id).join(' ');
      const load = `${Math.round(100 * cpu)} % CPU`;
      return `${host.id} (${seen?.state ?? '?'}, ${load}): ${names === '' ? '-' : names}`;
    });
    this.#log.say('end', state === undefined ? 'Drover is not running' : openText(state), lines);
  }
}

function openText({ findings, orders }: TickState): string {
  const open = orders.filter((order) => order.state !== 'closed');
  const ordered = open.map((order) => `${order.kind} ${order.host} ${order.state}`);
  const told = [...findings.map((finding) => finding.text), ...ordered];
  return told.length === 0 ? 'nothing is open' : `open: ${told.join('; ')}`;
}

function sourceOf(action: Action): SourceId | undefined {
  return 'source' in action ? action.source : undefined;
}
