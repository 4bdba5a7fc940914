// Role: several controllers on one ledger and one simulated fleet, on virtual time, each the whole
// daemon as its composition root makes it; and what they say, one line each.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { SimulatedHypervisor } from '../../adapters/simulated/simulated-hypervisor.ts';
import { SimulatedPower } from '../../adapters/simulated/simulated-power.ts';
import { type HookScript, scriptedHook } from '../../src/app/scenario/scripted-hook.ts';
import { timeText } from '../../src/app/scenario/transcript.ts';
import type { Machine } from '../../src/app/own-machine.ts';
import { VirtualDaemon } from '../../src/app/virtual-daemon.ts';
import { type DaemonConfig, defaultDaemonConfig } from '../../src/config/daemon.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import { seconds } from '../../src/domain/units.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite-ledger.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { EventSource } from '../../src/ports/events.ts';
import type { Hook } from '../../src/ports/hooks.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import { outliving } from '../faults/watched-ports.ts';
import { StoryWorld } from './story-fleet.ts';
import { virtualClock } from './virtual-time.ts';

/** As often as the leases are renewed: nothing is due more often. */
const STEP_SECONDS = 10;
/** Files lie elsewhere on every machine. */
const FOLDER = /\/\S*\//g;

export class SharedControllers {
  readonly world: StoryWorld;
  /** What was said, and by whom. */
  readonly lines: string[] = [];
  /** Listens to each that is started from then on. */
  follow: (name: string, bus: EventSource, clock: Clock) => () => void = () => () => undefined;
  readonly #clock = virtualClock();
  readonly #folder = mkdtempSync(join(tmpdir(), 'drover-shared-'));
  readonly #policy: string;
  readonly #daemons = new Map<string, VirtualDaemon>();
  readonly #killed: VirtualDaemon[] = [];
  #ledger: Ledger | undefined;
  #orders = 0;

  /** @param storageLocks whether disks are locked by the guest that has them open */
  constructor(fleet: Snapshot, policy: string, storageLocks = false) {
    this.world = new StoryWorld(fleet, this.#clock, storageLocks);
    this.#policy = join(this.#folder, 'policy.yaml');
    writeFileSync(this.#policy, policy);
  }

  /** The one that all have. Throws before the first was started. */
  get ledger(): Ledger {
    if (this.#ledger === undefined) throw new Error('no controller was started');
    return this.#ledger;
  }

  /** The daemon of a controller that was started and not stopped. */
  daemon(name: string): VirtualDaemon['daemon'] {
    const played = this.#daemons.get(name);
    if (played === undefined) throw new Error(`no controller ${name} runs`);
    return played.daemon;
  }

  /**
   * @param machine what it runs on; default: no matter.
   * @param hooks by name; default: none.
   * @param clusters in which alone it acts; default: any.
   */
  async start(
    name: string,
    machine?: Machine,
    hooks: Readonly<Record<string, HookScript>> = {},
    clusters: DaemonConfig['controller']['clusters'] = [],
  ): Promise<void> {
    const clock = this.#clock;
    const ledger = (this.#ledger ??= await openSqliteLedger({ file: ':memory:', clock }));
    const stateDir = join(this.#folder, name);
    mkdirSync(stateDir, { recursive: true });
    writeFileSync(join(stateDir, 'controller.json'), JSON.stringify({ id: name, tokens: {} }));
    const base = defaultDaemonConfig();
    const power = new SimulatedPower([...this.world.datacenters.values()]);
    const played = await VirtualDaemon.start({
      config: {
        ...base,
        // Never opened: all of them are given the same store.
        ledger: { url: 'postgres://shared', password: undefined },
        controller: { ...base.controller, name, clusters },
        stateDir,
        policies: [this.#policy],
      },
      time: clock,
      machine,
      hooks: Object.entries(hooks).map(([hook, script]) =>
        this.#heard(name, scriptedHook(hook, script, clock)),
      ),
      store: async () => outliving(ledger, ledger),
      sources: async () => ({
        hypervisors: new Map(
          [...this.world.datacenters].map(([source, datacenter]) => {
            return [source, new SimulatedHypervisor({ datacenter, clock, latency: seconds(0) })];
          }),
        ),
        metricSources: [],
        fencing: power,
        probe: power,
      }),
      subscribe: (bus) => this.#listen(name, bus),
      newId: () => {
        this.#orders += 1;
        return `order-${this.#orders}`;
      },
      seed: 1,
      accessFile: join(stateDir, 'access.json'),
      onFailure: (job, error) => this.#say(name, `FAILURE ${job}: ${String(error)}`),
    });
    this.#daemons.set(name, played);
  }

  /** Orders maintenance of the host. Throws where that is refused. */
  async empty(controller: string, host: string): Promise<void> {
    const answer = await this.daemon(controller).api.giveOrder({
      kind: 'maintenance',
      host,
      reason: 'a new fan',
      by: { kind: 'operator', name: 'anna' },
      dedupeKey: '',
      deadlineSeconds: null,
    });
    if (!answer.ok) throw new Error(`refused: ${JSON.stringify(answer)}`);
  }

  /** Somebody saves another policy. */
  async edit(policy: string): Promise<void> {
    writeFileSync(this.#policy, policy);
    for (const { daemon } of this.#daemons.values()) await daemon.reloadPolicies();
  }

  /** In good order. */
  async stop(name: string): Promise<void> {
    const played = this.#daemons.get(name);
    this.#daemons.delete(name);
    await played?.stop('the test says so');
  }

  /** As by kill -9: from now on it does nothing at all. */
  kill(name: string): void {
    const played = this.#daemons.get(name);
    this.#daemons.delete(name);
    if (played !== undefined) this.#killed.push(played);
  }

  /** Everything that the schedules do until then. */
  async until(end: number): Promise<void> {
    for (;;) {
      const at = (Math.floor(this.#clock.monotonic() / STEP_SECONDS) + 1) * STEP_SECONDS;
      if (at > end) return;
      await this.#clock.advance(seconds(at - this.#clock.monotonic()));
      for (const played of this.#daemons.values()) await played.jobs(at);
      await this.#clock.advance(seconds(0));
    }
  }

  async close(): Promise<void> {
    for (const name of this.#daemons.keys()) await this.stop(name);
    for (const played of this.#killed) await played.stop('the test is over');
    await this.#ledger?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #say(who: string, text: string): void {
    const line = `${timeText(this.#clock.monotonic())} ${who}: ${text}`;
    this.lines.push(line.replaceAll(FOLDER, ''));
  }

  /** The hook; that it is cut off is said. */
  #heard(who: string, hook: Hook): Hook {
    return {
      ...hook,
      run: (call, signal) => {
        signal.addEventListener('abort', () => this.#say(who, `hook ${hook.name} is cut off`));
        return hook.run(call, signal);
      },
    };
  }

  #listen(name: string, bus: EventSource): () => void {
    const offs = [
      this.follow(name, bus, this.#clock),
      bus.on('lease', ({ text }) => this.#say(name, text)),
      bus.on('hook', ({ text }) => this.#say(name, text)),
      bus.on('paused', ({ paused, by }) =>
        this.#say(name, `${paused ? 'paused' : 'resumed'} by ${by}`),
      ),
      bus.on('warning', ({ text }) => this.#say(name, text)),
      bus.on('failure', ({ where, error }) =>
        this.#say(name, `FAILURE ${where}: ${String(error)}`),
      ),
      bus.on('host-failure', ({ host, from, to }) => this.#say(name, `${host}: ${from} -> ${to}`)),
      bus.on('plan-rejected', () => this.#say(name, 'FAILURE: the plan is not valid')),
      bus.on('move-stage', ({ move, stage, phase }) => {
        if (stage !== 'pre-copy' || phase !== 'before') return;
        this.#say(name, `${move.vm} starts ${move.from} -> ${move.to}`);
      }),
      bus.on('move-ended', ({ move, result }) => {
        this.#say(name, `${move.vm} ${result.outcome} ${move.from} -> ${move.to}`);
      }),
    ];
    return () => offs.forEach((off) => off());
  }
}
