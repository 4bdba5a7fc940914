// Role: `bench evacuate`: the whole daemon on a large fleet, as in production (planner's worker,
// ledger on disk, API), and an order to empty many hosts at once. How long until the first
// mission-critical VM is on its way, and how late the event loop, how large the process gets while
// the rest follows.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { PACKAGE_ROOT } from '../../src/app/version.ts';
import type { HostView } from '../../src/ports/api.ts';
import type { DaemonFigures, DaemonReady, EvacuateDaemonOptions } from './evacuate-daemon.ts';
import { machineMs } from './evacuate-watch.ts';

export interface EvacuateBench {
  readonly hosts: number;
  readonly vms: number;
  /** Hosts that are ordered empty. */
  readonly evacuate: number;
  /** For which the daemon is watched after the order. */
  readonly minutes: number;
  /** Seconds from its start to the order. */
  readonly warm: number;
  readonly speed: number;
  readonly seed: number;
}

/** What looks at a daemon in production: a scrape, a status page, a list of everything. */
const WATCHERS: readonly (readonly [path: string, everySeconds: number])[] = [
  ['/metrics', 15],
  ['/api/v1/status', 5],
  ['/api/v1/migrations', 5],
  ['/api/v1/hosts', 30],
  ['/api/v1/vms', 60],
];

export async function benchEvacuate(options: EvacuateBench): Promise<Record<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), 'drover-bench-'));
  const daemon = startDaemon({ ...options, folder });
  try {
    const { server, token } = await answerOf<DaemonReady>(daemon, 'ready');
    const client = new Client(server, token);
    daemon.send('measure');
    const looking = new AbortController();
    const watchers = WATCHERS.map(([path, every]) => client.look(path, every, looking.signal));
    await sleep(options.warm * 1000);
    const hosts = await client.get<readonly HostView[]>('/api/v1/hosts');
    const wanted = hosts.slice(0, options.evacuate).map(({ id }) => id);
    const orderedAt = machineMs();
    await client.order(wanted);
    const orderMs = machineMs() - orderedAt;
    await sleep(options.minutes * 60_000);
    looking.abort();
    await Promise.all(watchers);
    daemon.send('figures');
    const { figures } = await answerOf<DaemonFigures>(daemon, 'figures');
    const { firstOpenedAt = 0, firstStartAt = 0, ...rest } = figures;
    const since = (at: number): number => (at === 0 ? -1 : at - orderedAt);
    const after = await client.get<readonly HostView[]>('/api/v1/hosts');
    const left = after.filter(({ id, vms }) => wanted.includes(id) && vms > 0).length;
    return rounded({
      hosts: options.hosts,
      vms: options.vms,
      evacuated: wanted.length,
      orderMs,
      firstCriticalOpenedMs: since(firstOpenedAt),
      firstCriticalStartMs: since(firstStartAt),
      ...rest,
      hostsNotEmpty: left,
      slowestAnswerMs: client.slowestMs,
      load: loadavg()[0] ?? 0,
    });
  } finally {
    daemon.send('stop');
    await once(daemon, 'exit');
    report(folder);
    rmSync(folder, { recursive: true });
  }
}

/** As the launcher starts a daemon; without what it starts all else with, as this bench is. */
const OTHERS = /^--(no-lazy|always-sparkplug|min-semi-space-size=)/;
const LAUNCHED = ['--max-semi-space-size=8', '--heap-growing-percent=15'];
const ENVIRONMENT = {
  NODE_COMPILE_CACHE: join(PACKAGE_ROOT, 'node_modules', '.cache', 'drover'),
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
};

function startDaemon(options: EvacuateDaemonOptions): ChildProcess {
  const { folder, hosts, vms, seed, speed } = options;
  const script = join(import.meta.dirname, 'evacuate-daemon.ts');
  const given = JSON.stringify({ folder, hosts, vms, seed, speed });
  const profile = process.env['DROVER_BENCH_PROFILE'];
  const profiled = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  const asked = process.execArgv.filter((option) => !OTHERS.test(option));
  const execArgv = [...asked, ...LAUNCHED, ...profiled];
  return fork(script, [given], { execArgv, env: { ...ENVIRONMENT, ...process.env } });
}

async function answerOf<Answer extends { readonly kind: string }>(
  daemon: ChildProcess,
  kind: Answer['kind'],
): Promise<Answer> {
  const ended = once(daemon, 'exit').then(() => {
    throw new Error('the daemon of the bench has ended');
  });
  for (;;) {
    const [message] = (await Promise.race([once(daemon, 'message'), ended])) as [Answer];
    if (message.kind === kind) return message;
  }
}

class Client {
  readonly #server: string;
  readonly #headers: Readonly<Record<string, string>>;
  slowestMs = 0;

  constructor(server: string, token: string) {
    this.#server = server;
    this.#headers = { authorization: `Bearer ${token}` };
  }

  async get<Body>(path: string): Promise<Body> {
    const answer = await fetch(`${this.#server}${path}`, { headers: this.#headers });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return (await answer.json()) as Body; // the daemon's own views
  }

  async order(hosts: readonly string[]): Promise<void> {
    const headers = { ...this.#headers, 'content-type': 'application/json' };
    const body = JSON.stringify({ kind: 'evacuate', hosts });
    const url = `${this.#server}/api/v1/orders/batch`;
    const answer = await fetch(url, { method: 'POST', headers, body });
    if (!answer.ok) throw new Error(`the order: ${answer.status} ${await answer.text()}`);
  }

  /** Until it is told to stop. */
  async look(path: string, everySeconds: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const began = machineMs();
      const answer = await fetch(`${this.#server}${path}`, { headers: this.#headers });
      await answer.arrayBuffer();
      this.slowestMs = Math.max(this.slowestMs, machineMs() - began);
      await sleep(everySeconds * 1000, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** What failed in the daemon is no figure, and is to be seen. */
function report(folder: string): void {
  try {
    process.stderr.write(readFileSync(join(folder, 'failures.log'), 'utf8'));
  } catch {
    // Nothing has failed.
  }
}

function rounded(figures: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [name, Math.round(value * 10) / 10]),
  );
}
