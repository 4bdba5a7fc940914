// Role: several whole daemons on virtual time, with one ledger and one simulated datacenter between
// them; each of them can be killed at a call, and a test asks the one that it wants to ask.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { SimulatedHypervisor } from '../../adapters/simulated/simulated-hypervisor.ts';
import { VirtualDaemon } from '../../src/app/virtual-daemon.ts';
import { defaultDaemonConfig } from '../../src/config/daemon.ts';
import type { ClusterId } from '../../src/domain/ids.ts';
import { seconds } from '../../src/domain/units.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite-ledger.ts';
import type { EventBus } from '../../src/observe/event-bus.ts';
import type { Api } from '../../src/ports/api.ts';
import type { Hypervisor } from '../../src/ports/hypervisor.ts';
import type { Leases } from '../../src/ports/leases.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import { SimulatedDatacenter } from '../../src/simulate/datacenter.ts';
import type { FleetSpec } from '../../src/simulate/fleet-spec.ts';
import { outliving } from '../faults/watched-ports.ts';
import { mortal } from './mortal.ts';
import { virtualClock } from './virtual-time.ts';

export interface Controller {
  readonly name: string;
  readonly api: Api;
  readonly warnings: readonly string[];
  /** It dies at the next call of the ledger of that name, which still takes effect; or at once. */
  kill(call?: keyof Ledger): void;
}

export interface Controllers {
  readonly ledger: Ledger;
  readonly datacenter: SimulatedDatacenter;
  readonly all: readonly Controller[];
  /** Who acts, and one of those that do not. */
  roles(): Promise<{ readonly holder: Controller; readonly other: Controller }>;
  pass(forSeconds: number): Promise<void>;
  stop(): Promise<void>;
}

export interface ControllersOptions {
  readonly fleet: FleetSpec;
  /** Text of a policy file. */
  readonly policy: string;
  readonly names: readonly string[];
  /** The clusters that they would take; default: all. */
  readonly clusters?: readonly ClusterId[];
  /** How they reach the hypervisors; default: without any trouble. */
  readonly way?: (adapter: Hypervisor, datacenter: SimulatedDatacenter) => Hypervisor;
}

interface Living extends Controller {
  readonly life: VirtualDaemon;
  readonly isOver: () => boolean;
}

/** They renew their leases three times in one. */
const BEAT_SECONDS = 10;

export async function startControllers(options: ControllersOptions): Promise<Controllers> {
  const folder = mkdtempSync(join(tmpdir(), 'drover-controllers-'));
  const policy = join(folder, 'policy.yaml');
  writeFileSync(policy, options.policy);
  const clock = virtualClock();
  const ledger = await openSqliteLedger({ file: ':memory:', clock });
  const datacenter = new SimulatedDatacenter(options.fleet, clock);
  let ids = 0;
  const newId = (): string => `id-${(ids += 1)}`;

  async function start(name: string): Promise<Living> {
    let last: keyof Ledger | undefined;
    const fate = mortal(0, (call) => call === last);
    const warnings: string[] = [];
    const stateDir = join(folder, name);
    mkdirSync(stateDir);
    writeFileSync(join(stateDir, 'controller.json'), JSON.stringify({ id: name, tokens: {} }));
    const base = defaultDaemonConfig();
    const { clusters = base.controller.clusters } = options;
    const life = await VirtualDaemon.start({
      config: {
        ...base,
        ledger: { url: 'postgres://shared', password: undefined },
        controller: { ...base.controller, name, clusters },
        stateDir,
        policies: [policy],
      },
      time: clock,
      store: async () => outliving(ledger, fate.bind<Leases>(ledger)),
      between: (inner) => fate.bind(inner),
      sources: async () => {
        const adapter = new SimulatedHypervisor({ datacenter, clock });
        const reached = fate.bind(options.way?.(adapter, datacenter) ?? adapter);
        return { hypervisors: new Map([[adapter.source, reached]]), metricSources: [] };
      },
      subscribe: (bus: EventBus) => bus.on('warning', ({ text }) => warnings.push(text)),
      newId,
      seed: 1,
      accessFile: join(stateDir, 'access.json'),
      // Whoever dies over a job never tells of it, and the others find what the test looks at.
      onFailure: () => undefined,
    });
    const kill = (call?: keyof Ledger): void => {
      if (call === undefined) fate.end();
      last = call;
    };
    return { name, api: life.daemon.api, warnings, kill, life, isOver: () => fate.isOver() };
  }

  const all: Living[] = [];
  for (const name of options.names) all.push(await start(name));
  const living = () => all.filter(({ isOver }) => !isOver());
  let passed = 0;
  const own: Controllers = {
    ledger,
    datacenter,
    all,
    async roles() {
      const board = await ledger.leaseBoard();
      const holder = living().find(({ name }) => board.leases.some((one) => one.holder === name));
      const other = living().find((one) => one !== holder);
      if (holder === undefined || other === undefined) throw new Error('nobody acts, or all do');
      return { holder, other };
    },
    async pass(forSeconds) {
      for (const end = passed + forSeconds; passed < end; ) {
        passed += BEAT_SECONDS;
        await clock.advance(seconds(BEAT_SECONDS));
        for (const { life } of living()) await life.jobs(passed);
      }
    },
    async stop() {
      for (const { life } of living()) await life.stop('the test is over');
      await ledger.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return own;
}
