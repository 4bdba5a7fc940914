// Role: by hand: weeks of a whole daemon on virtual time, with orders, returns, cancels, alerts and
// pauses every day, and a look at every collection of the process: does any of them grow with time?
//
//     npm run --silent simulate:weeks -- [WEEKS]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { SimulatedHypervisor } from '../../adapters/simulated/simulated-hypervisor.ts';
import { VirtualDaemon } from '../../src/app/virtual-daemon.ts';
import { defaultDaemonConfig } from '../../src/config/daemon.ts';
import { type HostId, hostId, vmId } from '../../src/domain/ids.ts';
import { seconds } from '../../src/domain/units.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite-ledger.ts';
import { SimulatedDatacenter } from '../../src/simulate/datacenter.ts';
import { simHost, simVm } from '../support/datacenter.ts';
import { virtualClock } from '../support/virtual-time.ts';
import { wish } from './wish.ts';

const WEEKS = Number(process.argv[2] ?? 4);
/** Between two ticks: what is kept depends on what happens, not on how often it is looked at. */
const TICK_SECONDS = seconds(1800);
const DAY_SECONDS = seconds(86_400);
const HOSTS = ['h1', 'h2', 'h3', 'h4'].map(hostId);
const GUESTS = 12;
/** Smaller ones are not looked at. */
const LARGE = 40;
/** In the last week, when what is bounded is full: less than one entry for each tick. */
const MAY_GROW_ENTRIES = 250;
const MAY_GROW_BYTES = 3e6;

/** Of Array, Map or Set, called on an array of them: the sizes of the large ones. */
const SIZES = `function () {
  return this.flatMap((one) => {
    try {
      const size = one instanceof Array ? one.length : one.size;
      return size > ${LARGE} ? [size] : [];
    } catch { return []; }
  });
}`;

interface Answer {
  readonly result?: { readonly objectId?: string; readonly value?: readonly number[] };
  readonly objects?: { readonly objectId?: string };
}

/** Entries of all large collections of the process, what is garbage not counted. */
function entries(session: Session): number {
  const ask = (method: string, params: object): Answer => {
    let answer: Answer = {};
    session.post(method, params, (error, result) => {
      if (error !== null) throw error;
      answer = result as Answer; // as the protocol of the inspector says
    });
    return answer;
  };
  const sizes = ['Map', 'Set', 'Array'].flatMap((kind) => {
    const { result } = ask('Runtime.evaluate', { expression: `${kind}.prototype` });
    const { objects } = ask('Runtime.queryObjects', { prototypeObjectId: result?.objectId });
    const call = { functionDeclaration: SIZES, returnByValue: true };
    const asked = ask('Runtime.callFunctionOn', { ...call, objectId: objects?.objectId });
    ask('Runtime.releaseObject', { objectId: objects?.objectId });
    return asked.result?.value ?? [];
  });
  return sizes.reduce((sum, size) => sum + size, 0);
}

const folder = mkdtempSync(join(tmpdir(), 'drover-weeks-'));
const policy = join(folder, 'policy.yaml');
writeFileSync(policy, 'apiVersion: drover/v1\nkind: Policy\nmode: automatic\n');
const clock = virtualClock();
const ledger = await openSqliteLedger({ file: ':memory:', clock });
const hosts = HOSTS.map((name) => simHost(name));
const vms = Array.from({ length: GUESTS }, (_none, n) => simVm(`v${n}`, `h${(n % 4) + 1}`));
const datacenter = new SimulatedDatacenter({ seed: 1, hosts, vms, groups: [] }, clock);
const base = defaultDaemonConfig();
const every = { collectEverySeconds: TICK_SECONDS, tickEverySeconds: TICK_SECONDS };
const schedule = { ...base.schedule, ...every, housekeepingEverySeconds: DAY_SECONDS };
const life = await VirtualDaemon.start({
  config: { ...base, schedule, stateDir: folder, policies: [policy] },
  time: clock,
  store: async () => ledger,
  sources: async () => {
    const adapter = new SimulatedHypervisor({ datacenter, clock });
    return { hypervisors: new Map([[adapter.source, adapter]]), metricSources: [] };
  },
  subscribe: () => undefined,
  seed: 1,
  accessFile: join(folder, 'access.json'),
  onFailure: (job, error) => console.error(job, error),
});
const session = new Session();
session.connect();
let passed = 0;

async function pass(forSeconds: number): Promise<void> {
  for (const end = passed + forSeconds; passed < end; ) {
    passed += TICK_SECONDS;
    await clock.advance(TICK_SECONDS);
    await life.jobs(passed);
  }
}

function want(...wishes: readonly Parameters<typeof wish>[1][]): void {
  for (const one of wishes) void wish(life.daemon, one);
}

/** Truths of the simulated datacenter are kept for its judges: three entries for each move. */
async function look(): Promise<{ readonly entries: number; readonly bytes: number }> {
  const moves = (await ledger.recentMoves(10_000)).length;
  const all = entries(session);
  return { entries: all - 3 * moves, bytes: process.memoryUsage().heapUsed };
}

async function day(number: number, host: HostId, other: HostId): Promise<void> {
  want({ kind: 'maintenance', host });
  // In the middle of a move.
  await clock.advance(seconds(6));
  want({ kind: 'cancel', name: vmId(`v${number % GUESTS}`) });
  await pass(DAY_SECONDS / 4);
  want({ kind: 'alert', host: other, status: 'firing' });
  await pass(DAY_SECONDS / 4);
  want({ kind: 'return', host }, { kind: 'alert', host: other, status: 'resolved' });
  want({ kind: 'pause' });
  await pass(DAY_SECONDS / 4);
  want({ kind: 'resume' }, { kind: 'return', host: other });
  await pass(DAY_SECONDS / 4);
}

const looks: Awaited<ReturnType<typeof look>>[] = [];
for (let number = 0; number < WEEKS * 7; number += 1) {
  const [host, other] = [HOSTS[number % 4], HOSTS[(number + 1) % 4]];
  if (host === undefined || other === undefined) throw new Error('four hosts');
  await day(number, host, other);
  if (number % 7 !== 6) continue;
  const seen = await look();
  looks.push(seen);
  const heap = (seen.bytes / 1e6).toFixed(1);
  console.log(`week ${looks.length}: ${seen.entries} entries in collections, heap ${heap} MB`);
}
session.disconnect();
await life.stop('the weeks are over');
rmSync(folder, { recursive: true });
const [before, last] = [looks.at(-2), looks.at(-1)];
if (before === undefined || last === undefined) throw new Error('at least two weeks');
const grown = { entries: last.entries - before.entries, bytes: last.bytes - before.bytes };
const isBounded = grown.entries < MAY_GROW_ENTRIES && grown.bytes < MAY_GROW_BYTES;
console.log(isBounded ? 'bounded' : `it grows: ${JSON.stringify(grown)}`);
process.exitCode = isBounded ? 0 : 1;
