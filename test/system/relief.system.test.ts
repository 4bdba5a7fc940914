// Role: the whole tick on real guests. The unattended daemon with a policy file sees an overloaded
// host in real domain statistics, relieves it by live migration, empties a host for maintenance and
// brings its guests home, and evacuates a host when an alert says so. Truth comes from virsh and
// from the guests' heartbeats.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { HostView, MigrationView, VmView, WhyVmView } from '../../src/ports/api.ts';
import { drover, DroverDaemon, DroverHome, droverJson } from './drover-process.ts';
import { downtimes, fireAlert, harmDone, labConfig, labPolicy } from './lab-daemon.ts';
import type { HeartbeatWatch } from './lab/heartbeats.ts';
import { startLab, type Lab } from './lab/lab.ts';
import { until } from './lab/shell.ts';

const ALERT_TOKEN = 'alert-token-of-the-lab';
/** What h3's CPU lacks; the guest `modern` was started with it. */
const LACKING = ['avx', 'avx2', 'bmi1', 'bmi2', 'fma'];
const SETTLE_MS = 240_000;
/** The daemon's window, and a poll and a tick. */
const WINDOW_MS = 15_000;

let lab: Lab;
let watch: HeartbeatWatch;
let home: DroverHome;
let daemon: DroverDaemon;

beforeAll(async () => {
  lab = await startLab({
    hosts: 3,
    fakeCpu: { host: 3, without: LACKING },
    guests: [
      { name: 'payments', host: 1, labels: { tier: 'gold' }, dirtyMiBps: 1 },
      { name: 'shop', host: 1, dirtyMiBps: 2 },
      { name: 'batch', host: 1, labels: { tier: 'bronze' }, dirtyMiBps: 2 },
      { name: 'modern', host: 2, cpu: 'host-model' },
      { name: 'wiki', host: 2 },
      { name: 'mail', host: 3, dirtyMiBps: 1 },
    ],
  });
  for (const name of lab.guestNames) await lab.waitBooted(name);
  watch = await lab.watchHeartbeats();
  home = await DroverHome.make({
    config: labConfig(lab),
    policy: labPolicy(),
    alertToken: ALERT_TOKEN,
  });
  daemon = await DroverDaemon.start(home);
});

afterAll(async () => {
  await daemon?.stop();
  await watch?.stop();
  await lab?.stop();
  await home?.remove();
});

async function guestsOn(host: number): Promise<string[]> {
  return (await lab.virsh(host, ['list', '--name'])).split('\n').filter(Boolean).sort();
}

async function hostOf(name: string): Promise<number> {
  const [host, ...others] = await lab.whereIs(name);
  if (host === undefined || others.length > 0) throw new Error(`${name} is not on one host`);
  return host;
}

/** Waits until virsh shows the guests of a host as `isIt` wants them. */
function untilHost(host: number, what: string, isIt: (names: string[]) => boolean) {
  const look = async (): Promise<string[] | undefined> => {
    const names = await guestsOn(host);
    return isIt(names) ? names : undefined;
  };
  return until(`h${host} ${what}`, look, { timeoutMs: SETTLE_MS, everyMs: 500 });
}

async function idle(): Promise<void> {
  const look = async (): Promise<true | undefined> => {
    const moves = await droverJson<MigrationView[]>(daemon, ['migrations']);
    return moves.every(({ record }) => record.result !== undefined) ? true : undefined;
  };
  await until('no move in flight', look, { timeoutMs: SETTLE_MS, everyMs: 500 });
}

/** The host's CPU use when its window shows nothing but what its guests do now. */
async function settledLoad(host: string): Promise<number> {
  const load = async (): Promise<number> => {
    const hosts = await droverJson<HostView[]>(daemon, ['hosts']);
    return hosts.find(({ id }) => id === host)?.cpuRatio ?? 0;
  };
  await new Promise((resolve) => setTimeout(resolve, WINDOW_MS));
  return load();
}

describe('the daemon on real guests', () => {
  it('sees the fleet as virsh does', async () => {
    const vms = await droverJson<VmView[]>(daemon, ['vms']);
    const seen = vms.map(({ name, host }) => `${name}@${host}`).sort();
    expect(seen).toEqual(['batch@h1', 'mail@h3', 'modern@h2', 'payments@h1', 'shop@h1', 'wiki@h2']);
    expect(vms.find(({ name }) => name === 'payments')?.criticality).toBe('mission-critical');
  });

  it('refuses a host that lacks the CPU of a guest, with the code', async () => {
    const why = await droverJson<WhyVmView>(daemon, ['why', 'modern']);
    const codes = (host: string): string[] =>
      why.hosts.find(({ name }) => name === host)?.refusals.map(({ code }) => code) ?? ['absent'];
    expect(codes('h3')).toContain('cpu-features');
    expect(codes('h1')).not.toContain('cpu-features');
  });

  // `batch` burns enough that without it h1 is below the threshold, and less than half of what fits
  // on a target: the machine gives each guest what it has, and that goes up and down. `payments`
  // does next to nothing: to move it would help nobody.
  it('sees an overloaded host in real statistics and relieves it by a lesser guest', async () => {
    await lab.ctl('shop', 'burn 40');
    await lab.ctl('batch', 'burn 30');
    const busy = await settledLoad('h1');
    await home.writePolicy(labPolicy(busy * 0.9));
    const found = await daemon.waitFor('the finding', ({ msg }) => msg === 'finding opened');
    expect(JSON.stringify(found)).toMatch(/h1.*cpu\.used\.ratio\.mean/);
    await untilHost(1, 'is relieved', (names) => names.length < 3);
    await idle();
    const stayed = await guestsOn(1);
    expect(stayed).toContain('payments');
    expect(stayed).not.toContain('batch');
    const moves = await droverJson<MigrationView[]>(daemon, ['migrations']);
    const left = moves.filter(({ record }) => record.move.from === 'h1');
    expect(left.map(({ record }) => record.result?.outcome)).toContain('succeeded');
    expect(left.every(({ record }) => /h1.*cpu/.test(record.move.reason.text))).toBe(true);
    await lab.ctl('shop', 'burn 0');
    await lab.ctl('batch', 'burn 0');
  });

  it('empties a host for maintenance, mission-critical first, and brings them home', async () => {
    const host = await hostOf('payments');
    const before = await guestsOn(host);
    const started = Date.now() / 1000;
    expect((await drover(daemon, ['maintenance', 'enter', `h${host}`])).code).toBe(0);
    await untilHost(host, 'is empty', (names) => names.length === 0);
    await idle();
    const moves = (await droverJson<MigrationView[]>(daemon, ['migrations']))
      .filter(({ record }) => record.openedAt > started && record.move.tier === 'mandatory')
      .sort((a, b) => a.record.openedAt - b.record.openedAt);
    // On a quiet machine two are begun in the same millisecond.
    const first = moves.filter(({ record }) => record.openedAt === moves[0]?.record.openedAt);
    expect(first.map(({ record }) => record.vmName)).toContain('payments');
    expect((await drover(daemon, ['maintenance', 'exit', `h${host}`])).code).toBe(0);
    await untilHost(host, 'has its guests back', (names) => names.join() === before.join());
    await idle();
  });

  it('evacuates a host when Alertmanager says that it fails', async () => {
    const host = await hostOf('modern');
    const post = (): Promise<unknown> =>
      fireAlert(daemon, ALERT_TOKEN, { name: 'HostMemoryErrors', instance: `h${host}` });
    expect(await post()).toMatchObject({ alerts: [{ outcome: 'ordered' }] });
    expect(await post()).toMatchObject({ alerts: [{ outcome: 'repeated' }] });
    await untilHost(host, 'is empty', (names) => names.length === 0);
    await idle();
    // h3 lacks its CPU.
    expect(await lab.whereIs('modern')).toEqual([host === 1 ? 2 : 1]);
  });

  it('never harmed a guest, and reports each downtime', async () => {
    const { guests, lagMaxMs } = await watch.report();
    const table = guests.map((guest) => `${guest.name}: ${downtimes(guest).join(', ')} ms`);
    const title = `downtime per move, from the heartbeats (±${Math.ceil(lagMaxMs)} ms)`;
    process.stdout.write(`${title}:\n  ${table.join('\n  ')}\n`);
    expect(await harmDone(watch)).toEqual([]);
    expect(guests.filter(({ moves }) => moves.length > 0).length).toBeGreaterThanOrEqual(4);
    for (const name of lab.guestNames) expect(lab.definedOn(name)).toEqual(await lab.whereIs(name));
  });
});
