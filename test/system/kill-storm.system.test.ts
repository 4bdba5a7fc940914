// Role: Drover is killed with -9 again and again, at random moments, while it takes three hosts
// with real guests through a rolling maintenance: also while it starts, and while it settles what
// the kill before had left open. No guest is harmed, lost or doubled, and every host is emptied in
// the end: a hook looks for itself, past Drover.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Rng, seededRng } from '../../src/domain/rng.ts';
import type { MigrationView, RollingView } from '../../src/ports/api.ts';
import { testSeed } from '../tools/test-seed.ts';
import {
  drover,
  DroverDaemon,
  droverGet,
  DroverHome,
  droverJson,
  type LogLine,
} from './drover-process.ts';
import { downtimes, harmDone, labConfig, labPolicy } from './lab-daemon.ts';
import type { HeartbeatWatch } from './lab/heartbeats.ts';
import { type Lab, startLab } from './lab/lab.ts';
import { runDir } from './lab/paths.ts';
import { until } from './lab/shell.ts';

/** By hand: DROVER_LAB_KILLS=200. */
const KILLS = Number(process.env['DROVER_LAB_KILLS'] ?? 20);
const HOSTS = ['h1', 'h2', 'h3'];
const AT_HOME = { one: 1, two: 1, three: 2, four: 3 } as const;
const GUESTS = Object.keys(AT_HOME) as (keyof typeof AT_HOME)[]; // its own keys
/** What a life is cut short by; the rest of them end at any moment after the start. */
const STILLBORN_SHARE = 0.2;
const IN_A_MOVE_SHARE = 0.5;
const LONGEST_BIRTH_MS = 1_500;
const LONGEST_LIFE_MS = 6_000;
/** So many steps of moves, and so long after the last of them. */
const MOST_STEPS = 12;
const LONGEST_STEP_MS = 4_000;
/** There may be nothing to move: the last host is empty, or a canary is on trial. */
const PATIENCE_MS = 40_000;
/** Harm is looked for, and told of. */
const TELL_EVERY = 20;
const QUICK = 'collectEvery: 1s, tickEvery: 1s';
const SETTLE_MS = 400_000;
/** Exit code of an order that would not fit. */
const NOT_NOW = 1;

let lab: Lab;
let watch: HeartbeatWatch;
let home: DroverHome;
let daemon: DroverDaemon | undefined;
let drained = '';
/** Rolling maintenances begun: each empties every host once. */
let rounds = 0;
let killedInMoves = 0;

/** Run on each host that is empty; fails where virsh shows a guest on it. */
function hook(): string {
  const socket = `${runDir(lab.id)}/$DROVER_HOST_ID/run/libvirt/libvirt-sock`;
  const list = `virsh -q -c "qemu+unix:///system?socket=${socket}" list --name`;
  const script = `test -z "$(${list})" && echo $DROVER_HOST_ID >>'${drained}'`;
  const command = JSON.stringify(['sh', '-c', script]);
  const more = 'attempts: 50, wellFor: 1s';
  return `maintenance:\n  hooks: [{ name: look, command: ${command}, ${more} }]\n`;
}

beforeAll(async () => {
  lab = await startLab({
    hosts: HOSTS.length,
    guests: GUESTS.map((name) => ({ name, host: AT_HOME[name], autostart: true, dirtyMiBps: 4 })),
  });
  for (const name of GUESTS) await lab.waitBooted(name);
  watch = await lab.watchHeartbeats();
  // A move lasts some seconds, so that most kills fall into one.
  for (const host of lab.hosts) await host.linkRate('200mbit');
  drained = join(runDir(lab.id), 'drained');
  await writeFile(drained, '');
  const policy = labPolicy().replace('canaryFor: 10s', 'canaryFor: 2s');
  // A life is short: it has to see its hosts three times before it moves anything.
  const config = labConfig(lab).replace('collectEvery: 2s, tickEvery: 2s', QUICK);
  home = await DroverHome.make({ config: config + hook(), policy });
});

afterAll(async () => {
  await daemon?.stop();
  await watch?.stop();
  await lab?.stop();
  await home?.remove();
});

async function isRolling(one: DroverDaemon): Promise<boolean> {
  const views = await droverGet<RollingView[]>(one, 'rollings');
  const held = views.find(({ heldBy }) => heldBy !== null);
  if (held !== undefined) throw new Error(`the rolling maintenance stopped: ${held.heldBy ?? ''}`);
  return views.some(({ active, waiting }) => active.length + waiting.length > 0);
}

/**
 * True: a rolling maintenance is under way. A daemon that was born just now may find that not every
 * host can be emptied yet (one has not answered): then nothing is ordered.
 */
async function keepRolling(one: DroverDaemon): Promise<boolean> {
  if (await isRolling(one)) return true;
  const order = ['maintenance', 'rolling', ...HOSTS, '--hook', 'look'];
  const { code, stdout, stderr } = await drover(one, order);
  if (code === NOT_NOW) {
    process.stdout.write(stdout);
    return false;
  }
  if (code !== 0) throw new Error(`no rolling maintenance: ${stderr}`);
  rounds += 1;
  return true;
}

/** One life, cut short. */
async function liveAndDie(rng: Rng): Promise<void> {
  const fate = rng.next();
  const late = rng.next();
  if (fate < STILLBORN_SHARE) {
    daemon = DroverDaemon.launch(home);
    await sleep(late * LONGEST_BIRTH_MS);
  } else {
    daemon = await DroverDaemon.start(home);
    await keepRolling(daemon);
    if (fate < STILLBORN_SHARE + IN_A_MOVE_SHARE) {
      await steps(daemon, 1 + Math.floor(rng.next() * MOST_STEPS));
      await sleep(late * LONGEST_STEP_MS);
    } else {
      await sleep(late * LONGEST_LIFE_MS);
    }
  }
  if (isMoving(daemon)) killedInMoves += 1;
  await daemon.kill();
}

/** By its log, which may be a moment behind. */
function isMoving(one: DroverDaemon): boolean {
  const ended = ({ msg }: LogLine): boolean => msg.startsWith('move ');
  const last = one.log.findLast((line) => line.msg === 'stage' || ended(line));
  return last !== undefined && !ended(last);
}

/** Waits until moves have taken so many steps; each begins with a line in the log. */
async function steps(one: DroverDaemon, count: number): Promise<void> {
  const look = (): true | undefined => (one.lines('stage').length >= count ? true : undefined);
  await until('steps', look, { timeoutMs: PATIENCE_MS, everyMs: 10 }).catch(() => undefined);
}

/** Resolves with all moves there were, when nothing is to be done any more. */
async function untilDone(one: DroverDaemon): Promise<readonly MigrationView[]> {
  const look = async (): Promise<MigrationView[] | undefined> => {
    if (await isRolling(one)) return undefined;
    const moves = await droverJson<MigrationView[]>(one, ['migrations', '--limit', '10000']);
    return moves.every(({ record }) => record.result !== undefined) ? moves : undefined;
  };
  return until('the end of the rolling maintenance', look, { timeoutMs: SETTLE_MS, everyMs: 1000 });
}

describe('a daemon that is killed all the time', () => {
  it(`takes three hosts through maintenance, over ${KILLS} kills`, {
    timeout: SETTLE_MS + KILLS * 30_000,
  }, async () => {
    const seed = testSeed();
    const rng = seededRng(seed);
    for (let kill = 1; kill <= KILLS; kill += 1) {
      await liveAndDie(rng);
      if (kill % TELL_EVERY !== 0) continue;
      expect(await harmDone(watch)).toEqual([]);
      process.stdout.write(`seed ${seed}: ${kill} kills, ${killedInMoves} in moves, no harm\n`);
    }
    const last = await DroverDaemon.start(home);
    daemon = last;
    await until('a last round', async () => (await keepRolling(last)) || undefined);
    const moves = await untilDone(last);

    const outcomes = moves.map(({ record }) => record.result?.outcome ?? 'open');
    const tally = [...Map.groupBy(outcomes, (one) => one)].map(
      ([one, all]) => `${all.length} ${one}`,
    );
    const { guests } = await watch.report();
    const stops = guests.flatMap((guest) => downtimes(guest));
    process.stdout.write(
      `seed ${seed}: ${KILLS} kills (${killedInMoves} with moves under way), ${rounds} rounds, ` +
        `${moves.length} moves (${tally.join(', ')}), ` +
        `${stops.length} seen in heartbeats, longest downtime ${Math.max(0, ...stops)} ms\n`,
    );
    expect(await harmDone(watch)).toEqual([]);
    expect(rounds).toBeGreaterThan(0);
    expect(outcomes).not.toContain('needs-human');
    // What Drover has on record is what the guests have seen.
    const done = outcomes.filter((one) => one === 'succeeded').length;
    expect(stops).toHaveLength(done);
    const seen = (await readFile(drained, 'utf8')).split('\n').filter(Boolean);
    for (const host of HOSTS) {
      expect(seen.filter((one) => one === host).length).toBeGreaterThanOrEqual(rounds);
    }
  });

  it('has left every guest at home, once, and nothing anywhere else', async () => {
    for (const name of GUESTS) {
      const own = [AT_HOME[name]];
      expect(await lab.whereIs(name)).toEqual(own);
      expect(lab.qemuOn(name)).toEqual(own);
      expect(lab.definedOn(name)).toEqual(own);
      expect(lab.autostartOn(name)).toEqual(own);
    }
    if (daemon === undefined) throw new Error('no daemon');
    const verify = ['audit', 'verify', '--config', home.configFile];
    expect(await drover(daemon, verify)).toMatchObject({ code: 0 });
  });
});
