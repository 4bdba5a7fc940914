// Role: proves the lab itself, so that a system test of Drover that fails is about Drover: real
// hosts come up, guests really move between them unharmed, faults do what they say, and taking the
// lab down leaves nothing behind.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { attachLab, type Lab, startLab } from './lab.ts';
import { runDir, varDir } from './paths.ts';
import { argumentsOf } from './processes.ts';
import { run, until } from './shell.ts';

const LABELS = '<drover:label name="tier" value="gold"/>';

let lab: Lab;

beforeAll(async () => {
  lab = await startLab({
    hosts: 3,
    fakeCpu: { host: 3, without: ['avx', 'avx2', 'fma', 'bmi1', 'bmi2'] },
    guests: [
      { name: 'mover', host: 1, dirtyMiBps: 5, heartbeatMs: 20, labels: { tier: 'gold' } },
      { name: 'sleeper', host: 2, autostart: true, disk: 'shared', diskKiBps: 64 },
      { name: 'defined', host: 2 },
    ],
  });
});

afterAll(async () => {
  await (lab as Lab | undefined)?.stop(); // it may not have come up
});

describe('lab', () => {
  it('comes up: three hosts of equal size, each guest where it belongs', async () => {
    expect(await lab.whereIs('mover')).toEqual([1]);
    expect(await lab.whereIs('sleeper')).toEqual([2]);
    expect(lab.qemuOn('mover')).toEqual([1]);
    const infos = await Promise.all(lab.hosts.map((host) => host.virsh('nodeinfo')));
    for (const info of infos) expect(info).toMatch(/Memory size: +4194304 KiB/);
    const names = await Promise.all(lab.hosts.map((host) => host.virsh('hostname')));
    expect(names.map((name) => name.trim())).toEqual(lab.hosts.map((host) => host.name));
    expect(await lab.virsh(1, ['dumpxml', 'mover'])).toContain(LABELS);
  });

  it('can be used by another process', async () => {
    const same = attachLab(lab.id);
    expect(same.guestNames).toEqual(lab.guestNames);
    expect(same.hosts.map(({ uri }) => uri)).toEqual(lab.hosts.map(({ uri }) => uri));
    expect(await same.whereIs('mover')).toEqual([1]);
    expect(() => attachLab('nosuchlab')).toThrow('is not up');
  });

  it('moves a guest there and back; it never resets and stays unharmed', async () => {
    const watch = await lab.watchHeartbeats();
    await watch.waitFor('mover', ({ beats }) => beats > 10);
    for (const [from, to] of [
      [1, 2],
      [2, 3],
      [3, 1],
    ] as const) {
      await lab.migrate('mover', to);
      expect(await lab.whereIs('mover')).toEqual([to]);
      expect(lab.definedOn('mover')).toEqual([to]);
      const arrived = await watch.waitFor('mover', (guest) => guest.moves.at(-1)?.to === to);
      const move = arrived.moves.at(-1);
      expect(move).toMatchObject({ from, to });
      expect(move?.gapMs).toBeGreaterThan(20);
      expect(move?.gapMs).toBeLessThan(30_000);
    }
    const seen = await watch.stop();
    const mover = seen.guests.find(({ name }) => name === 'mover');
    expect(mover).toMatchObject({ restarts: [], repeats: [], overlaps: [], holes: [] });
    expect(mover?.corruptPages).toBe(0);
    expect(mover?.moves).toHaveLength(3);
    const gaps = mover?.moves.map(({ gapMs }) => Math.round(gapMs));
    console.log(`mover stood still for ${gaps?.join(', ')} ms; stamps ±${seen.lagMaxMs} ms`);
  });

  it('changes a running guest', async () => {
    const watch = await lab.watchHeartbeats();
    const { dirtiedMiB } = await watch.waitFor('mover', () => true);
    await lab.ctl('mover', 'dirty 40');
    await watch.waitFor('mover', (guest) => guest.dirtiedMiB > dirtiedMiB + 20);
    await lab.ctl('mover', 'dirty 0');
    await expect(lab.ctl('mover', 'nonsense 1')).rejects.toThrow(/cannot do/);
    const sleeper = await watch.waitFor('sleeper', (guest) => guest.diskKiB > 0);
    expect(sleeper).toMatchObject({ diskErrors: 0, corruptBlocks: 0 });
    await watch.stop();
  });

  it('has a host with a lesser CPU that refuses a guest of a better one', async () => {
    await lab.addGuest({ name: 'proud', host: 1, cpu: 'host-model' });
    await lab.waitBooted('proud');
    const refused = await lab.tryMigrate('proud', 3);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/guest CPU doesn't match specification: missing features/);
    await lab.migrate('proud', 2);
    expect(await lab.whereIs('proud')).toEqual([2]);
    await lab.virsh(2, ['destroy', 'proud']);
    await lab.virsh(2, ['undefine', 'proud']);
  });

  it('keeps guests alive while their libvirtd is dead or hangs', async () => {
    const watch = await lab.watchHeartbeats();
    await lab.host(1).daemonKill();
    expect((await lab.host(1).tryVirsh(['list'])).code).not.toBe(0);
    expect(lab.qemuOn('mover')).toEqual([1]);
    await watch.waitFor('mover', ({ beats }) => beats > 5);
    await lab.host(1).daemonStart();
    expect(await lab.whereIs('mover')).toEqual([1]);

    await lab.host(1).daemonFreeze();
    const hung = await lab.host(1).tryVirsh(['list'], { timeoutMs: 2000 });
    expect(hung.code).not.toBe(0);
    await lab.host(1).daemonThaw();
    expect(await lab.whereIs('mover')).toEqual([1]);
    expect((await watch.stop()).guests).toContainEqual(
      expect.objectContaining({ name: 'mover', restarts: [], repeats: [], moves: [] }),
    );
  });

  it('stops a guest with its frozen host', async () => {
    const watch = await lab.watchHeartbeats({ gapMs: 1500 });
    await watch.waitFor('mover', ({ beats }) => beats > 5);
    await lab.host(1).freeze();
    await until('two silent seconds', async () => {
      const { nowMs, guests } = await watch.report();
      const mover = guests.find(({ name }) => name === 'mover');
      return mover !== undefined && nowMs - mover.lastAtMs > 2000 ? true : undefined;
    });
    await lab.host(1).thaw();
    const mover = await watch.waitFor('mover', ({ gaps }) => gaps.length > 0);
    expect(mover.restarts).toEqual([]);
    await watch.stop();
  });

  it('cuts a host off and lets it come back', async () => {
    await lab.host(2).linkDown();
    const cut = await lab.tryMigrate('mover', 2);
    expect(cut.code).not.toBe(0);
    expect(await lab.whereIs('mover')).toEqual([1]);
    await lab.host(2).linkUp();
    await lab.host(2).linkRate('400mbit');
    await lab.migrate('mover', 2);
    await lab.host(2).linkRate('none');
    await lab.migrate('mover', 1);
    expect(await lab.whereIs('mover')).toEqual([1]);
  });

  it('boots a crashed host with its own autostart guests only', async () => {
    const watch = await lab.watchHeartbeats();
    await watch.waitFor('sleeper', () => true);
    await lab.host(2).crash();
    expect(lab.host(2).isUp()).toBe(false);
    expect(lab.qemuOn('sleeper')).toEqual([]);
    await lab.host(2).start();
    await lab.waitBooted('sleeper');
    expect(await lab.whereIs('sleeper')).toEqual([2]);
    expect(lab.definedOn('defined')).toEqual([2]);
    expect(await lab.whereIs('defined')).toEqual([]);
    // gone from host 2 with its definition, so the boot starts no second copy
    expect(await lab.whereIs('mover')).toEqual([1]);
    const { guests } = await watch.stop();
    const restarts = (name: string): number | undefined =>
      guests.find((guest) => guest.name === name)?.restarts.length;
    expect(restarts('sleeper')).toBe(1);
    expect(restarts('mover')).toBe(0);
  });

  it('catches a guest that runs twice', async () => {
    await lab.addGuest({ name: 'twin', host: 1 });
    await lab.waitBooted('twin');
    const watch = await lab.watchHeartbeats();
    await watch.waitFor('twin', ({ beats }) => beats > 1);
    await lab.virsh(3, ['create', join(runDir(lab.id), 'twin.xml')]);
    const twin = await watch.waitFor('twin', ({ overlaps }) => overlaps.length > 0);
    expect(twin.overlaps[0]?.hosts.toSorted()).toEqual([1, 3]);
    expect(await lab.whereIs('twin')).toEqual([1, 3]);
    expect(lab.qemuOn('twin')).toEqual([1, 3]);
    await watch.stop();
  });

  it('runs beside another lab, and goes without a trace', async () => {
    const other = await startLab({ hosts: 1, guests: [{ name: 'mover' }] });
    expect(await other.whereIs('mover')).toEqual([1]);
    expect(await tracesOf(other.id)).not.toEqual([]);
    await other.stop();
    expect(await tracesOf(other.id)).toEqual([]);
    expect(await lab.whereIs('mover')).toEqual([1]);
  });
});

/** Everything on this machine that bears the lab's name. */
async function tracesOf(id: string): Promise<string[]> {
  const name = `drover-lab-${id}`;
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  const processes = pids.filter((pid) => {
    const words = argumentsOf(Number(pid)).join(' ');
    return words.includes(name) || words.includes(`host-init.sh ${id} `);
  });
  const namespaces = (await run('ip', ['netns', 'list'])).split('\n');
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  return [
    ...[runDir(id), varDir(id)].filter((path) => existsSync(path)),
    ...namespaces.filter((line) => line.startsWith(name)),
    ...mounts.filter((line) => line.includes(name)),
    ...processes.map((pid) => `process ${pid}`),
  ];
}
