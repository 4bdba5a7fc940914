/**
 * Plays a scenario on virtual time: an hour takes a moment. Everything but the hypervisors is the
 * product itself, put together by its own composition root (virtual-daemon.ts); only the jobs of
 * its schedule are called from here, at the moments at which the schedule would.
 */

import { cpSync, mkdirSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

import { SimulatedHypervisor } from '../../../adapters/simulated/simulated-hypervisor.ts';
import { SimulatedGuests } from '../../../adapters/simulated/simulated-guests.ts';
import { SimulatedPeers } from '../../../adapters/simulated/simulated-peers.ts';
import { SimulatedPower } from '../../../adapters/simulated/simulated-power.ts';
import { defaultDaemonConfig } from '../../config/daemon.ts';
import type { HostId, SourceId } from '../../domain/ids.ts';
import { seconds } from '../../domain/units.ts';
import type { EventBus } from '../../observe/event-bus.ts';
import type { EventSource } from '../../ports/events.ts';
import type { VirtualClock } from '../../simulate/virtual-clock.ts';
import type { Daemon } from '../daemon.ts';
import type { Sources } from '../sources.ts';
import { ledgerFileIn } from '../state-folder.ts';
import type { TickState } from '../tick.ts';
import { PACKAGE_ROOT } from '../version.ts';
import { VirtualDaemon } from '../virtual-daemon.ts';
import { tellAction, toFault } from './actions.ts';
import { type Action, isFault, isRequest, type Scenario } from './forms.ts';
import { type Asking, ask } from './requests.ts';
import { scriptedHook } from './scripted-hook.ts';
import type { Transcript } from './transcript.ts';
import type { FleetWorld } from './world.ts';

export interface PlayOptions {
  readonly scenario: Scenario;
  readonly world: FleetWorld;
  /** Nothing has happened on it yet. */
  readonly clock: VirtualClock;
  /** An empty one; whoever made it removes it. */
  readonly folder: string;
  readonly seed: number;
  readonly transcript: Transcript;
  readonly summary: Asking['summary'];
  /** Told the policy files in force, at first and after each edit. */
  readonly policies?: (files: readonly string[]) => Promise<void>;
  /** Listens to each life of the daemon, beside the transcript. */
  readonly follow?: (bus: EventSource) => () => void;
  /** The time is up, and the daemon still there: it is stopped next. */
  readonly over?: () => void;
  /** Aborted: the daemon is stopped, and the playing rejects with the reason. */
  readonly stop?: AbortSignal;
}

export interface Played {
  /** Of jobs of the schedule; empty: none. */
  readonly failures: readonly string[];
  /** What the last life has left. */
  readonly ledgerFile: string;
  readonly end: readonly HostEnd[];
}

/** A host when the scenario is over. */
export interface HostEnd {
  readonly host: HostId;
  /** As Drover sees it; null: Drover is not running. */
  readonly state: string | null;
  /** Of its threads, 0..1. */
  readonly cpuRatio: number;
  /** What really runs there. */
  readonly vms: readonly string[];
}

export async function play(options: PlayOptions): Promise<Played> {
  return new Stage(options).play();
}

const DEFAULT_POLICY = join(PACKAGE_ROOT, 'policies', 'default.yaml');

interface Life {
  readonly played: VirtualDaemon;
  readonly deaf: () => void;
}

class Stage {
  readonly #options: PlayOptions;
  /** The policy files in force, where an edit finds them. */
  readonly #policyFiles: readonly string[];
  readonly #failures: string[] = [];
  /** The id of the newest plan, by time. */
  readonly #shown = new Map<number, string>();
  #lives = 0;
  #orders = 0;
  #life: Life | undefined;
  #nextLifeAt = 0;

  constructor(options: PlayOptions) {
    this.#options = options;
    this.#policyFiles = options.scenario.policies.map((path) => this.#copied(path));
  }

  async play(): Promise<Played> {
    const { scenario, stop } = this.#options;
    await this.#options.policies?.(this.#policyFiles);
    const { schedule } = defaultDaemonConfig();
    await this.#start();
    const steps = scenario.steps.toSorted((a, b) => a.at - b.at);
    const every = schedule.collectEverySeconds;
    for (let at = every as number; at <= scenario.seconds; at += every) {
      if (stop?.aborted === true) await this.#end('end');
      stop?.throwIfAborted();
      for (let step = steps[0]; step !== undefined && step.at <= at; step = steps[0]) {
        steps.shift();
        await this.#until(step.at);
        await this.#act(step.action);
      }
      await this.#until(at);
      if (this.#life === undefined && at >= this.#nextLifeAt) await this.#start();
      else await this.#jobs(at);
    }
    const end = this.#tellEnd();
    this.#options.over?.();
    await this.#end('end');
    return { failures: this.#failures, ledgerFile: ledgerFileIn(this.#stateDir()), end };
  }

  async #until(at: number): Promise<void> {
    const { clock } = this.#options;
    await clock.advance(seconds(Math.max(0, at - clock.monotonic())));
  }

  async #start(): Promise<void> {
    const { clock, follow, folder, scenario, seed, transcript } = this.#options;
    const base = defaultDaemonConfig();
    let deaf = (): void => undefined;
    transcript.say('drover', 'starts');
    const played = await VirtualDaemon.start({
      config: { ...base, stateDir: this.#stateDir(), policies: this.#policyFiles },
      time: clock,
      // What follows from an order is told with the tick, after its cause.
      ordersWait: true,
      sources: async () => this.#sources(),
      subscribe: (bus: EventBus) => {
        const offs = [transcript.follow(bus), follow?.(bus)];
        deaf = () => offs.forEach((off) => off?.());
        return undefined;
      },
      hooks: Object.entries(scenario.hooks).map(([name, script]) =>
        scriptedHook(name, script, clock),
      ),
      newId: () => {
        this.#orders += 1;
        return `order-${this.#orders}`;
      },
      seed,
      accessFile: join(folder, 'access.json'),
      onFailure: (job, error) => {
        transcript.say('FAILURE', `${job}: ${String(error)}`);
        this.#failures.push(`the job ${job} failed: ${String(error)}`);
      },
    });
    this.#life = { played, deaf };
  }

  #sources(): Sources {
    const { scenario, world } = this.#options;
    const datacenters = [...world.datacenters.values()];
    const peerProbe = scenario.peers ? new SimulatedPeers(datacenters) : undefined;
    const guests = scenario.guests ? new SimulatedGuests(datacenters) : undefined;
    const sources = { hypervisors: this.#hypervisors(), metricSources: [], peerProbe, guests };
    if (!scenario.fencing) return sources;
    const power = new SimulatedPower(datacenters);
    return { ...sources, fencing: power, probe: power };
  }

  #hypervisors(): Map<SourceId, SimulatedHypervisor> {
    const { clock, world } = this.#options;
    return new Map(
      [...world.datacenters].map(([source, datacenter]) => {
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

  async #act(action: Action): Promise<void> {
    const { clock, summary, transcript, world } = this.#options;
    transcript.say('>>', tellAction(action));
    const daemon = this.#life?.played.daemon;
    if (isFault(action)) {
      world.struckBy(toFault(action), sourceOf(action)).inject(toFault(action));
    } else if (action.kind === 'power') {
      world.ofHost(action.host).setPower(action.host, action.on);
    } else if (action.kind === 'heal') {
      world.heal(action.fault, action.host);
    } else if (action.kind === 'crash' || action.kind === 'restart') {
      await this.#end(action.kind);
      this.#nextLifeAt = clock.monotonic() + action.for;
    } else if (daemon === undefined) {
      transcript.say('nobody', 'listens: Drover is not running');
    } else if (isRequest(action)) {
      const shown = (at: number | undefined): string => this.#shownAt(at);
      const answer = await ask({ api: daemon.api, shown, summary }, action);
      if (answer !== '') transcript.say('answer', answer);
    } else {
      await this.#edit(action.file, daemon);
    }
    // Lets everything happen that takes no time.
    await clock.advance(seconds(0));
  }

  async #edit(file: string, daemon: Daemon): Promise<void> {
    cpSync(join(this.#options.scenario.folder, file), this.#policyFiles.at(-1) ?? '');
    await daemon.reloadPolicies();
    await this.#options.policies?.(this.#policyFiles);
  }

  /** `crash`: nothing that waits ever goes on, and what is on the disk is all that is left. */
  async #end(how: 'crash' | 'restart' | 'end'): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    if (life === undefined) return;
    if (how === 'crash') {
      const old = this.#stateDir();
      this.#options.clock.abandon();
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
    return join(this.#options.folder, `state-${this.#lives}`);
  }

  /** An edit must change neither the scenario's own files nor the shipped policy. */
  #copied(path: string): string {
    const copy = join(this.#options.folder, basename(path));
    if (path === 'default') return DEFAULT_POLICY;
    cpSync(path, copy);
    return copy;
  }

  #tellEnd(): readonly HostEnd[] {
    const { transcript, world } = this.#options;
    const state = this.#life?.played.daemon.state;
    const end = world.hosts.map((host): HostEnd => {
      const seen = state?.snapshot.hosts.find((one) => one.id === host);
      const cpuRatio = world.ofHost(host).truth.cpuUtilisation(host);
      const vms = world.vms.filter((vm) => world.runningOn(vm).includes(host));
      return { host, state: seen?.state ?? null, cpuRatio, vms };
    });
    const lines = end.map(({ host, state: seen, cpuRatio, vms }) => {
      const load = `${Math.round(100 * cpuRatio)} % CPU`;
      return `${host} (${seen ?? '?'}, ${load}): ${vms.length === 0 ? '-' : vms.join(' ')}`;
    });
    transcript.say('end', state === undefined ? 'Drover is not running' : openText(state), lines);
    return end;
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
