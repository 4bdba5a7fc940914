// Role: what may happen to the destination of a move while it is under way: its libvirtd dies, its
// power fails, its cable is pulled. The guest runs on where it was, the move ends as failed and
// leaves nothing behind, and the next attempt succeeds.
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { MigrationView } from '../../src/ports/api.ts';
import { drover, DroverDaemon, droverGet, DroverHome } from './drover-process.ts';
import { harmDone, labConfig, labPolicy } from './lab-daemon.ts';
import type { HeartbeatWatch } from './lab/heartbeats.ts';
import type { LabHost } from './lab/host.ts';
import { type Lab, startLab } from './lab/lab.ts';
import { until } from './lab/shell.ts';

const SETTLE_MS = 240_000;
const GUEST = 'one';

interface Fault {
  readonly what: string;
  readonly strike: (target: LabHost) => Promise<void>;
  readonly mend: (target: LabHost) => Promise<void>;
}

const FAULTS: readonly Fault[] = [
  {
    what: 'its libvirtd is killed',
    strike: (target) => target.daemonKill(),
    mend: (target) => target.daemonStart(),
  },
  {
    what: 'its power is cut',
    strike: (target) => target.crash(),
    mend: (target) => target.start(),
  },
  {
    what: 'its cable is pulled',
    strike: (target) => target.linkDown(),
    mend: (target) => target.linkUp(),
  },
];

let lab: Lab;
let watch: HeartbeatWatch;
let home: DroverHome;
let daemon: DroverDaemon;

beforeAll(async () => {
  lab = await startLab({
    hosts: 3,
    guests: [{ name: GUEST, host: 1, autostart: true, dirtyMiBps: 4 }],
  });
  await lab.waitBooted(GUEST);
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

async function moves(): Promise<readonly MigrationView['record'][]> {
  const views = await droverGet<MigrationView[]>(daemon, 'migrations?limit=100');
  return views.map(({ record }) => record);
}

function untilMove(
  what: string,
  isIt: (record: MigrationView['record']) => boolean,
): Promise<MigrationView['record']> {
  const look = async () => (await moves()).find(isIt);
  return until(what, look, { timeoutMs: SETTLE_MS, everyMs: 200 });
}

/** Empties the host that the guest is on; resolves with the move when memory is being sent. */
async function setOut(from: number): Promise<MigrationView['record']> {
  const before = new Set((await moves()).map(({ move }) => move.id));
  // Half a minute of copying: time enough for a fault, on a busy machine too.
  await lab.host(from).linkRate('30mbit');
  expect((await drover(daemon, ['maintenance', 'enter', `h${from}`])).code).toBe(0);
  const record = await untilMove('a move under way', ({ move, stages, result }) => {
    const isSent = stages.some(({ stage, phase }) => stage === 'pre-copy' && phase === 'before');
    return !before.has(move.id) && result === undefined && isSent;
  });
  await sleep(2_000);
  return record;
}

describe('a destination that fails in the middle of a move', () => {
  it.each(FAULTS)('$what', async ({ strike, mend }) => {
    const [from] = await lab.whereIs(GUEST);
    if (from === undefined) throw new Error('the guest runs nowhere');
    const { move } = await setOut(from);
    const to = Number(move.to.slice(1));
    const target = lab.host(to);
    await strike(target);
    const ended = await untilMove(
      'the end of the move',
      (one) => one.move.id === move.id && one.result !== undefined,
    );
    expect(ended.result?.outcome).toBe('failed');
    // It has not stopped for it: it beats where it was, and its next attempt is only to come.
    await watch.waitFor(
      GUEST,
      ({ host, lastAtMs }) => host === from && Date.now() - lastAtMs < 2000,
    );
    await mend(target);
    await lab.host(from).linkRate('none');
    const next = await untilMove(
      'another attempt that succeeds',
      (one) => one.openedAt > ended.openedAt && one.result?.outcome === 'succeeded',
    );
    const own = [Number(next.move.to.slice(1))];
    expect(await lab.whereIs(GUEST)).toEqual(own);
    expect(lab.qemuOn(GUEST)).toEqual(own);
    expect(lab.definedOn(GUEST)).toEqual(own);
    expect(lab.autostartOn(GUEST)).toEqual(own);
    expect(await harmDone(watch)).toEqual([]);
    expect((await drover(daemon, ['maintenance', 'exit', `h${from}`])).code).toBe(0);
    await untilMove(
      'its way home',
      (one) =>
        one.move.to === `h${from}` &&
        one.result?.outcome === 'succeeded' &&
        one.openedAt > next.openedAt,
    );
  });
});
