// Role: crashes around real migrations. A source host that reboots after its guest has left must
// not start a second copy, and a daemon that is killed in the middle of a migration settles it when
// it comes back: no guest is lost, doubled, or moved twice.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { MigrationView } from '../../src/ports/api.ts';
import { drover, DroverDaemon, DroverHome, droverJson } from './drover-process.ts';
import { harmDone, labConfig, labPolicy } from './lab-daemon.ts';
import type { HeartbeatWatch } from './lab/heartbeats.ts';
import { startLab, type Lab } from './lab/lab.ts';
import { until } from './lab/shell.ts';

const SETTLE_MS = 240_000;
const GUESTS = ['one', 'two', 'three'];

let lab: Lab;
let watch: HeartbeatWatch;
let home: DroverHome;
let daemon: DroverDaemon;

beforeAll(async () => {
  lab = await startLab({
    hosts: 2,
    guests: GUESTS.map((name) => ({ name, host: 1, autostart: true, dirtyMiBps: 4 })),
  });
  for (const name of GUESTS) await lab.waitBooted(name);
  watch = await lab.watchHeartbeats();
  home = await DroverHome.make({ config: labConfig(lab), policy: labPolicy() });
  daemon = await DroverDaemon.start(home);
});

afterAll(async () => {
  await daemon?.stop();
  await watch?.stop();
  await lab?.stop();
  await home?.remove();
});

async function untilAllOn(host: number): Promise<void> {
  const look = async (): Promise<true | undefined> => {
    const places = await Promise.all(GUESTS.map((name) => lab.whereIs(name)));
    return places.every((place) => place.length === 1 && place[0] === host) ? true : undefined;
  };
  await until(`all guests on h${host}`, look, { timeoutMs: SETTLE_MS, everyMs: 500 });
}

async function untilSettled(): Promise<MigrationView[]> {
  const look = async (): Promise<MigrationView[] | undefined> => {
    const moves = await droverJson<MigrationView[]>(daemon, ['migrations', '--limit', '100']);
    return moves.every(({ record }) => record.result !== undefined) ? moves : undefined;
  };
  return until('no move in flight', look, { timeoutMs: SETTLE_MS, everyMs: 500 });
}

describe('crashes', () => {
  it('settles what was in flight when the daemon was killed', async () => {
    await lab.host(1).linkRate('60mbit');
    expect((await drover(daemon, ['maintenance', 'enter', 'h1'])).code).toBe(0);
    await daemon.waitFor('a migration under way', ({ msg, stage, phase }) => {
      return msg === 'stage' && stage === 'pre-copy' && phase === 'before';
    });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await daemon.kill();
    daemon = await DroverDaemon.start(home);
    await lab.host(1).linkRate('none');
    await untilAllOn(2);
    const moves = await untilSettled();
    const succeeded = moves.filter(({ record }) => record.result?.outcome === 'succeeded');
    const names = succeeded.map(({ record }) => record.vmName).sort();
    expect(names).toEqual([...GUESTS].sort());
    expect(await harmDone(watch)).toEqual([]);
  });

  it('leaves nothing on the source that a reboot could start again', async () => {
    for (const name of GUESTS) expect(lab.definedOn(name)).toEqual([2]);
    for (const name of GUESTS) expect(lab.autostartOn(name)).toEqual([2]);
    await lab.host(1).restart();
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    for (const name of GUESTS) expect(await lab.whereIs(name)).toEqual([2]);
    expect(await harmDone(watch)).toEqual([]);
  });
});
