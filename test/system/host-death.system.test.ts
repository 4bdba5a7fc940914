// Role: a real host that hangs with its power on. While nothing confirms that it is off, nothing
// of it is started elsewhere, and the operator is told why. Once Drover has cut its power and seen
// it off, its guests come up elsewhere, the critical ones first; and when it returns, with a
// definition that it would start at boot, the disk's lock and Drover's clean-up keep every guest
// single.
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import type { AdapterMemory } from '../../adapters/adapter.ts';
import { LibvirtHypervisor } from '../../adapters/libvirt/hypervisor.ts';
import { memoryOf } from '../../src/app/adapter-memory.ts';
import type { Finding } from '../../src/domain/finding.ts';
import { hostId, sourceId, vmId } from '../../src/domain/ids.ts';
import type { MigrationView, StatusView } from '../../src/ports/api.ts';
import type { Job, MoveOrder } from '../../src/ports/hypervisor.ts';
import type { Attempt } from '../../src/ports/metric-source.ts';
import { aMoveOrder } from '../support/plans.ts';
import { drover, DroverDaemon, DroverHome, droverJson } from './drover-process.ts';
import { fireAlert, harmDone, labConfig, labPolicy } from './lab-daemon.ts';
import { guestUuid } from './lab/guest.ts';
import type { HeartbeatWatch } from './lab/heartbeats.ts';
import { type Lab, startLab } from './lab/lab.ts';
import { SCRIPTS, varDir } from './lab/paths.ts';
import { until } from './lab/shell.ts';
import { labOptions, realClock } from './libvirt-world.ts';

const SOURCE = sourceId('lab');
const NEVER = new AbortController().signal;
const ALERT_TOKEN = 'alert-token-of-the-lab';
/** Two polls that time out, the silence that the policy asks for, and a busy machine. */
const NOTICE_MS = 180_000;
const UP_MS = 180_000;
/** In the order in which they have to come up; the one on a local disk cannot. */
const RESTARTABLE = ['db', 'web', 'batch'];

let lab: Lab;
let watch: HeartbeatWatch;
let home: DroverHome;
let daemon: DroverDaemon;

function policy(fence: 'never' | 'automatic'): string {
  return `${labPolicy()}
permissions:
  - { vms: { names: ['*'] }, permission: restart }
hostFailure:
  restart: fenced
  fence: ${fence}
  suspectAfter: 10s
  storagesWithLocks: [shared]
  alerts: [HostDown]
  readmit: automatic
`;
}

function config(): string {
  const agent = join(SCRIPTS, 'fence-lab.sh');
  const devices = lab.hosts.map(
    ({ number }) =>
      `  - { host: h${number}, agent: '${agent}', options: { lab: ${lab.id}, plug: '${number}' } }`,
  );
  const shared = `sharedStorages: [{ id: shared, paths: ['${varDir(lab.id)}/shared'] }]`;
  return `${labConfig(lab, [shared])}fencing:\n${devices.join('\n')}\n`;
}

beforeAll(async () => {
  lab = await startLab({
    hosts: 3,
    guests: [
      // It would come up by itself when its host boots, and its disk is all that forbids it.
      { name: 'db', host: 1, disk: 'shared', autostart: true, labels: { tier: 'gold' } },
      { name: 'web', host: 1, disk: 'shared' },
      { name: 'batch', host: 1, labels: { tier: 'bronze' } },
      { name: 'scratch', host: 1, disk: 'local' },
    ],
  });
  for (const name of lab.guestNames) await lab.waitBooted(name);
  watch = await lab.watchHeartbeats();
  home = await DroverHome.make({
    config: config(),
    policy: policy('never'),
    alertToken: ALERT_TOKEN,
  });
  daemon = await DroverDaemon.start(home);
  const areKept = async (): Promise<true | undefined> => {
    const names = await memory().names();
    const all = lab.guestNames.map((name) => `guest ${guestUuid(lab.id, name)}`);
    return all.every((name) => names.includes(name)) ? true : undefined;
  };
  await until('every definition to be kept', areKept, { timeoutMs: NOTICE_MS, everyMs: 200 });
});

afterAll(async () => {
  await daemon?.stop();
  await watch?.stop();
  await lab?.stop();
  await home?.remove();
});

async function hostsDown(): Promise<readonly Finding[]> {
  const { findings } = await droverJson<StatusView>(daemon, ['status']);
  return findings.filter(({ kind }) => kind === 'host-down');
}

/** Waits for a finding about the host that says so. */
function untilTold(says: RegExp): Promise<Finding> {
  const look = async (): Promise<Finding | undefined> =>
    (await hostsDown()).find(({ text }) => says.test(text));
  return until(`a finding: ${says.source}`, look, { timeoutMs: NOTICE_MS, everyMs: 500 });
}

async function restarts(): Promise<readonly MigrationView[]> {
  const moves = await droverJson<MigrationView[]>(daemon, ['migrations', '--limit', '100']);
  return moves.filter(({ record }) => record.move.method === 'restart');
}

/** When the VM's restart was first put on record. One that was skipped is begun again. */
async function firstOpening(name: string): Promise<number> {
  const times = (await restarts()).flatMap(({ record }) =>
    record.vmName === name ? [record.openedAt] : [],
  );
  return Math.min(...times);
}

/** By its heartbeats, since the test began. */
async function startsOf(name: string): Promise<number> {
  return (await watch.guest(name)).restarts.length;
}

/** What the daemon keeps of its hosts and guests. */
function memory(): AdapterMemory {
  return memoryOf(join(home.folder, 'state'), SOURCE);
}

/** Past the daemon and its guards, and with what the daemon remembers. */
function adapterOfItsOwn(): LibvirtHypervisor {
  const kept = { source: SOURCE, clock: realClock, memory: memory() };
  const adapter = new LibvirtHypervisor(labOptions(lab), kept);
  onTestFinished(() => adapter.close());
  return adapter;
}

function restartOf(name: string, from: string): MoveOrder {
  const vm = vmId(guestUuid(lab.id, name));
  return aMoveOrder({ vm, from: hostId(from), to: hostId('h2'), method: 'restart' });
}

describe('a host that dies', () => {
  it('is no reason for the adapter to start a guest that is seen anywhere', async () => {
    const adapter = adapterOfItsOwn();
    const refused = (detail: string) => ({ ok: false, error: { code: 'refused', detail } });
    const restart = (from: string): Promise<Attempt> =>
      adapter.startMove(restartOf('db', from), NEVER);
    expect(await restart('h1')).toEqual(refused('h1 answers: it is not dead'));
    await lab.host(3).daemonKill();
    const vm = guestUuid(lab.id, 'db');
    expect(await restart('h3')).toEqual(refused(`${vm} is running on h1`));
    await lab.host(3).daemonStart();
    expect(lab.definedOn('db')).toEqual([1]);
  });

  it('runs its guests all the same: the lock on a disk forbids a second one', async () => {
    const adapter = adapterOfItsOwn();
    const order = restartOf('web', 'h1');
    await lab.host(1).daemonKill();
    onTestFinished(() => lab.host(1).daemonStart());
    expect(await adapter.startMove(order, NEVER)).toMatchObject({ ok: true });
    const look = async (): Promise<Job | undefined> => {
      const job = await adapter.job(order, NEVER);
      return job.kind === 'ended' ? job : undefined;
    };
    const end = await until('the end of the start', look, { timeoutMs: NOTICE_MS });
    expect(end).toMatchObject({ ok: false, detail: expect.stringMatching(/lock/) });
    expect(await adapter.cleanUp(order, NEVER)).toMatchObject({ ok: true });
    expect(lab.definedOn('web')).toEqual([1]);
    expect(lab.qemuOn('web')).toEqual([1]);
  });

  it('is not taken for dead while its power may be on, and the operator is told', async () => {
    await lab.host(1).freeze();
    await fireAlert(daemon, ALERT_TOKEN, { name: 'HostDown', instance: 'h1' });
    const { text } = await untilTold(/not restarted/);
    expect(text).toMatch(/4 VMs not restarted: its power is not confirmed off/);
    expect(text).toMatch(/hostFailure\.fence is never: turn it off by hand/);
    // Nobody was started: neither by the plan, nor by somebody who asks for it.
    expect(await restarts()).toEqual([]);
    for (const name of lab.guestNames) expect(lab.qemuOn(name)).toEqual([1]);
    expect((await drover(daemon, ['status'])).stdout).toContain('not restarted');
  });

  it('is fenced, and its guests come up elsewhere, critical first', async () => {
    // What it ran is remembered over a crash of Drover: nobody can be asked any more.
    await daemon.kill();
    await home.writePolicy(policy('automatic'));
    daemon = await DroverDaemon.start(home);
    await fireAlert(daemon, ALERT_TOKEN, { name: 'HostDown', instance: 'h1' });
    await untilTold(/power cut by Drover/);
    expect(lab.host(1).isUp()).toBe(false);
    for (const name of RESTARTABLE) {
      await watch.waitFor(name, ({ restarts, host }) => restarts.length === 1 && host > 1, UP_MS);
    }
    // Two begin side by side, and the checks of either may take longer: what counts is the opening.
    const opened = await Promise.all(RESTARTABLE.map(firstOpening));
    expect(opened).toEqual(opened.toSorted((a, b) => a - b));
    const done = (await restarts()).filter(({ record }) => record.result?.outcome === 'succeeded');
    expect(done).toHaveLength(RESTARTABLE.length);
    // Its disk died with its host.
    expect(lab.qemuOn('scratch')).toEqual([]);
    const { stdout } = await drover(daemon, ['why', 'scratch']);
    expect(stdout).toMatch(/lock|storage/);
  });

  it('returns, is cleaned of what runs elsewhere, and is taken back', async () => {
    await lab.host(1).start();
    const look = (): true | undefined =>
      RESTARTABLE.every((name) => !lab.definedOn(name).includes(1)) ? true : undefined;
    await until('no definition of theirs on h1', look, { timeoutMs: NOTICE_MS, everyMs: 500 });
    for (const name of RESTARTABLE) {
      const places = await lab.whereIs(name);
      expect(places).toHaveLength(1);
      expect(lab.definedOn(name)).toEqual(places);
      expect(await startsOf(name)).toBe(1);
    }
    // The autostart went along.
    expect(lab.autostartOn('db')).toEqual(await lab.whereIs('db'));
    const settled = async (): Promise<true | undefined> =>
      (await hostsDown()).length === 0 ? true : undefined;
    await until('h1 is taken back', settled, { timeoutMs: NOTICE_MS, everyMs: 500 });
    const harm = (await harmDone(watch)).filter(({ what }) => !what.includes('restarts'));
    expect(harm).toEqual([]);
  });
});
