// Role: what the contract cannot ask, because it is libvirt's own: definitions and autostart after
// a reboot, a cold move that was interrupted, a broken post-copy, daemons that come and go.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { type Machine, readMachine } from '../../src/app/own-machine.ts';
import { hostId, moveId, type HostId, type VmId } from '../../src/domain/ids.ts';
import { bytesPerSecond, MIB, seconds } from '../../src/domain/units.ts';
import type { Job, MoveOrder, Sighting } from '../../src/ports/hypervisor.ts';
import { foundIn } from '../../src/rules/found-own.ts';
import { ROOT } from '../tools/repository.ts';
import { until } from './lab/shell.ts';
import type { StartAndExit } from './libvirt-start-and-exit.ts';
import { LibvirtWorld } from './libvirt-world.ts';

const signal = new AbortController().signal;
const OK = { ok: true, value: undefined };
const SETTLE_MS = 120_000;

let world: LibvirtWorld;

beforeAll(async () => {
  world = await LibvirtWorld.make();
}, 400_000);
afterAll(async () => {
  await world.hypervisor.close();
  await world.dispose();
});
beforeEach(() => world.settle(), SETTLE_MS);

async function homeOf(vm: VmId): Promise<HostId> {
  const { runningOn } = await world.truth(vm);
  if (runningOn[0] === undefined) throw new Error(`${vm} runs nowhere`);
  return runningOn[0];
}

async function orderFor(vm: VmId, details: Partial<MoveOrder> = {}): Promise<MoveOrder> {
  const from = await homeOf(vm);
  return {
    move: moveId(`own-${Date.now()}`),
    vm,
    from,
    to: hostId(from === 'h1' ? 'h2' : 'h1'),
    method: 'pre-copy',
    downtimeLimitSeconds: seconds(0.5),
    bandwidth: undefined,
    autoConverge: false,
    allowPostCopy: false,
    ...details,
  };
}

function jobUntil(order: MoveOrder, isIt: (job: Job) => boolean): Promise<Job> {
  return until(
    `${order.move} to get there`,
    async () => {
      const job = await world.hypervisor.job(order, signal).catch(() => undefined);
      return job !== undefined && isIt(job) ? job : undefined;
    },
    { timeoutMs: SETTLE_MS },
  );
}

async function seen(vm: VmId, host: HostId, state: Sighting['state']): Promise<void> {
  let last: unknown;
  const look = async (): Promise<true | undefined> => {
    const { sightings, blind } = await world.hypervisor.locate(vm, signal);
    last = { sightings, blind };
    return sightings.some((one) => one.host === host && one.state === state) ? true : undefined;
  };
  const what = `${vm} to be ${state} on ${host}`;
  await until(what, look, { timeoutMs: SETTLE_MS }).catch((error: unknown) => {
    throw new Error(`last seen: ${JSON.stringify(last)}`, { cause: error });
  });
}

/** What a controller in that guest would find out about its machine. */
async function machineSeenIn(guest: string): Promise<Machine> {
  const folder = await mkdtemp(join(tmpdir(), 'drover-machine-'));
  try {
    const file = join(folder, 'product_uuid');
    await writeFile(file, `${await world.lab.machineUuidOf(guest)}\n`);
    return await readMachine(file);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function numberOf(host: HostId): number {
  return Number(host.slice(1));
}

describe('libvirt, beyond the contract', () => {
  it('reads the guests as they are', async () => {
    const { vms, storages, problems } = await world.hypervisor.inventory(signal);
    expect(problems).toEqual([]);
    const vm1 = vms.find(({ id }) => id === world.vms[0]);
    expect(vm1).toMatchObject({
      name: 'vm1',
      labels: { tier: 'gold' },
      memoryBytes: 128 * MIB,
      machineType: expect.stringMatching(/^pc-q35-\d+\.\d+$/),
      disks: [{ storage: 'shared', bytes: 64 * MIB, shared: true }],
      cpu: { mode: 'named', model: 'qemu64', features: expect.arrayContaining(['sse2', 'lm']) },
      managedBy: undefined,
    });
    expect(storages).toContainEqual({ id: 'shared', shared: true });
  });

  it('finds a guest by what its own kernel shows as the UUID of its machine', async () => {
    const inventory = await world.hypervisor.inventory(signal);
    const classes = { criticality: 'standard', permission: 'live', metrics: {} } as const;
    const vms = inventory.vms.map((facts) => ({ ...facts, ...classes }));
    for (const guest of ['vm1', 'vm2'] as const) {
      const machine = await machineSeenIn(guest);
      if (machine.kind === 'unknown') throw new Error(machine.why);
      expect(foundIn({ vms }, machine.uuid).map(({ name }) => name)).toEqual([guest]);
    }
  });

  it('knows which features a lesser host lacks', async () => {
    const { hosts } = await world.hypervisor.inventory(signal);
    const features = (id: string) => hosts.find((host) => host.id === id)?.cpu.features ?? [];
    expect(features('h1')).toEqual(expect.arrayContaining(['avx2', 'fma']));
    expect(features('h3')).not.toContain('avx2');
    expect(features('h3').every((feature) => features('h1').includes(feature))).toBe(true);
  });

  it('carries autostart over, and a rebooted source starts no second copy', async () => {
    const vm = world.idOf('vm2');
    const { lab } = world;
    const order = await orderFor(vm);
    const [from, to] = [numberOf(order.from), numberOf(order.to)];
    await lab.virsh(from, ['autostart', 'vm2']);
    expect(await world.hypervisor.startMove(order, signal)).toEqual(OK);
    await jobUntil(order, ({ kind }) => kind === 'ended');
    expect(await world.hypervisor.commit(order, signal)).toEqual(OK);
    expect(lab.autostartOn('vm2')).toEqual([to]);
    expect(lab.definedOn('vm2')).toEqual([to]);
    expect(await lab.virsh(to, ['dumpxml', '--inactive', 'vm2'])).not.toContain('drover:move');
    // every other guest has to leave first: they would not survive the crash
    for (const other of ['vm1', 'misfit'] as const) {
      if ((await lab.whereIs(other)).includes(from)) await lab.migrate(other, to);
    }
    await lab.host(from).crash();
    await lab.host(from).start();
    expect(await lab.whereIs('vm2')).toEqual([to]);
    expect(lab.qemuOn('vm2')).toEqual([to]);
  });

  it('finds a host again whose daemon was restarted', async () => {
    const [vm] = world.vms;
    const home = world.lab.host(numberOf(await homeOf(vm)));
    await world.hypervisor.locate(vm, signal);
    await home.daemonKill();
    await home.daemonStart();
    expect(await world.hypervisor.locate(vm, signal)).toMatchObject({
      sightings: [{ state: 'running' }],
      blind: [],
    });
    expect((await world.hypervisor.inventory(signal)).problems).toEqual([]);
  });

  it('goes on with a cold move that was interrupted when the guest was off', async () => {
    const order = await interruptedColdMove();
    expect(await world.hypervisor.job(order, signal)).toEqual({ kind: 'none' });
    expect(await world.hypervisor.startMove(order, signal)).toEqual(OK);
    expect(await jobUntil(order, ({ kind }) => kind === 'ended')).toMatchObject({ ok: true });
    expect(await world.hypervisor.commit(order, signal)).toEqual(OK);
    expect(await world.truth(order.vm)).toMatchObject({
      runningOn: [order.to],
      definedOn: [order.to],
    });
  });

  it('takes an interrupted cold move back: the guest runs where it was', async () => {
    const order = await interruptedColdMove();
    expect(await world.hypervisor.cleanUp(order, signal)).toEqual(OK);
    expect(await world.truth(order.vm)).toMatchObject({
      runningOn: [order.from],
      definedOn: [order.from],
    });
    const xml = await world.lab.virsh(numberOf(order.from), ['dumpxml', '--inactive', 'vm1']);
    expect(xml).not.toContain('drover:move');
  });

  it('brings a guest back up that its target cannot start', async () => {
    const order = await orderFor(world.vms[0], { method: 'cold' });
    const target = world.lab.host(numberOf(order.to));
    // another guest of that name: the definition is refused there
    const xml = (await world.lab.virsh(numberOf(order.from), ['dumpxml', '--inactive', 'vm1']))
      .replace(/<uuid>.*<\/uuid>/, '')
      .replaceAll('\n', ' ');
    await target.exec('sh', '-c', 'echo "$0" >/tmp/rival.xml', xml);
    await target.virsh('define', '/tmp/rival.xml');
    expect(await world.hypervisor.precheck(order, signal)).toContainEqual(
      expect.objectContaining({ code: 'hypervisor' }),
    );
    expect(await world.hypervisor.startMove(order, signal)).toEqual(OK);
    expect(await jobUntil(order, ({ kind }) => kind === 'ended')).toMatchObject({ ok: false });
    await target.virsh('undefine', 'vm1');
    expect(await world.hypervisor.cleanUp(order, signal)).toEqual(OK);
    expect(await world.truth(order.vm)).toMatchObject({
      runningOn: [order.from],
      definedOn: [order.from],
    });
  });

  it('sees a post-copy through during which the daemons lost each other', async () => {
    const [vm] = world.vms;
    await world.setBusy(vm, true);
    const bandwidth = bytesPerSecond(4 * MIB);
    const order = await orderFor(vm, { allowPostCopy: true, bandwidth });
    const { boot } = await world.truth(vm);
    expect(await world.hypervisor.startMove(order, signal)).toEqual(OK);
    for (const host of world.lab.hosts) await host.linkRate('20mbit');
    expect(await world.hypervisor.steer(order, { kind: 'post-copy' }, signal)).toEqual(OK);
    await seen(vm, order.to, 'post-copy');
    await world.cutMigrationLink();
    await seen(vm, order.from, 'post-copy-paused'); // libvirt's call has failed by now
    expect(await world.hypervisor.job(order, signal)).toHaveProperty('kind', 'running');
    await world.restoreMigrationLink();
    for (const host of world.lab.hosts) await host.linkRate('none');
    expect(await jobUntil(order, ({ kind }) => kind === 'ended')).toMatchObject({ ok: true });
    expect(await world.hypervisor.commit(order, signal)).toEqual(OK);
    expect(await world.truth(vm)).toEqual({
      runningOn: [order.to],
      definedOn: [order.to],
      boot,
    });
  });

  it('lets the process end while a move goes on without it', async () => {
    const [vm] = world.vms;
    await world.setBusy(vm, true);
    const order = await orderFor(vm, { bandwidth: bytesPerSecond(4 * MIB) });
    const script = join(ROOT, 'test/system/libvirt-start-and-exit.ts');
    const input: StartAndExit = { lab: world.lab.id, order };
    const child = spawn(process.execPath, [script, JSON.stringify(input)], {
      stdio: ['ignore', 'pipe', 2],
    });
    const [code] = (await once(child, 'exit', { signal: AbortSignal.timeout(60_000) })) as [number];
    expect(code).toBe(7);
    expect(await world.hypervisor.job(order, signal)).toHaveProperty('kind', 'running');
    await world.setBusy(vm, false);
    expect(await jobUntil(order, ({ kind }) => kind === 'ended')).toMatchObject({ ok: true });
    expect(await world.hypervisor.commit(order, signal)).toEqual(OK);
  });

  it('leaves a post-copy that broke to a person', async () => {
    const [vm] = world.vms;
    await world.setBusy(vm, true);
    const bandwidth = bytesPerSecond(4 * MIB);
    const order = await orderFor(vm, { allowPostCopy: true, bandwidth });
    expect(await world.hypervisor.startMove(order, signal)).toEqual(OK);
    for (const host of world.lab.hosts) await host.linkRate('20mbit');
    expect(await world.hypervisor.steer(order, { kind: 'post-copy' }, signal)).toEqual(OK);
    await seen(vm, order.to, 'post-copy');
    await world.lab.virsh(numberOf(order.from), ['domjobabort', '--postcopy', 'vm1']);
    await seen(vm, order.from, 'post-copy-paused');
    for (const give of ['abort', 'commit', 'cleanUp'] as const) {
      expect(await world.hypervisor[give](order, signal)).toMatchObject({ ok: false });
    }
    // each end holds a part of the memory
    expect(world.lab.qemuOn('vm1')).toEqual([1, 2]);
  });
});

/** As after a crash of Drover between shutting the guest down and starting it on its target. */
async function interruptedColdMove(): Promise<MoveOrder> {
  const order = await orderFor(world.vms[0], { method: 'cold' });
  const note = `<move id='${order.move}' to='${order.to}' autostart='no' off='asked'/>`;
  const from = numberOf(order.from);
  const where = ['--key', 'drover-move', '--set', note, '--config', '--live'];
  await world.lab.virsh(from, ['metadata', 'vm1', 'urn:drover:move:1', ...where]);
  await world.lab.virsh(from, ['destroy', 'vm1']);
  return order;
}
