// Role: two real controllers on one real PostgreSQL and real guests. One is stopped (SIGSTOP) past
// its lease in the middle of a plan and woken again; then the database is killed, and the network
// to it is cut. Nothing is moved twice, and there is one history.
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { HistoryEntry } from '../../src/domain/journal.ts';
import { seededRng } from '../../src/domain/rng.ts';
import type { MigrationView, StatusView } from '../../src/ports/api.ts';
import { testSeed } from '../tools/test-seed.ts';
import { drover, DroverDaemon, DroverHome, droverJson, type LogLine } from './drover-process.ts';
import { harmDone, labConfig, labPolicy } from './lab-daemon.ts';
import type { HeartbeatWatch } from './lab/heartbeats.ts';
import { type Lab, startLab } from './lab/lab.ts';
import { until } from './lab/shell.ts';
import { type Postgres, startPostgres, type Wire } from './postgres.ts';

const SETTLE_MS = 240_000;
/** A lease of 10 s and the longest call of 60 s, and what a busy machine adds. */
const TAKE_OVER_MS = 150_000;
/** More by hand: DROVER_LAB_DATABASE_KILLS=20. */
const DATABASE_KILLS = Number(process.env['DROVER_LAB_DATABASE_KILLS'] ?? 1);
const GUESTS = ['one', 'two', 'three'];
const NAMES = ['ada', 'ben'] as const;
type Name = (typeof NAMES)[number];

interface Controller {
  readonly name: Name;
  readonly home: DroverHome;
  readonly daemon: DroverDaemon;
  readonly wire: Wire;
}

let lab: Lab;
let watch: HeartbeatWatch;
let server: Postgres;
let controllers: readonly Controller[] = [];
/** Begun so far, by all of them together. */
let trips = 0;

beforeAll(async () => {
  server = await startPostgres();
  lab = await startLab({
    hosts: 2,
    guests: GUESTS.map((name) => ({ name, host: 1, dirtyMiBps: 4 })),
  });
  for (const name of GUESTS) await lab.waitBooted(name);
  watch = await lab.watchHeartbeats();
  const url = await server.database();
  const makes = NAMES.map(async (name): Promise<Controller> => {
    const wire = await server.wire(url);
    const shared = `ledger: { url: '${wire.url}' }\ncontroller: { name: ${name}, lease: 10s }\n`;
    const home = await DroverHome.make({ config: labConfig(lab) + shared, policy: labPolicy() });
    return { name, home, wire, daemon: await DroverDaemon.start(home) };
  });
  // Both at once, on an empty database.
  controllers = await Promise.all(makes);
});

afterAll(async () => {
  for (const { daemon, wire, home } of controllers) {
    wire.mend();
    await daemon.signal('SIGCONT');
    await daemon.stop();
    await wire.close();
    await home.remove();
  }
  await watch?.stop();
  await lab?.stop();
  await server?.stop();
});

async function untilAllOn(host: number): Promise<void> {
  const look = async (): Promise<true | undefined> => {
    const places = await Promise.all(GUESTS.map((name) => lab.whereIs(name)));
    return places.every((place) => place.length === 1 && place[0] === host) ? true : undefined;
  };
  await until(`all guests on h${host}`, look, { timeoutMs: SETTLE_MS, everyMs: 500 });
}

async function untilSettled({ daemon }: Controller): Promise<readonly MigrationView[]> {
  const look = async (): Promise<MigrationView[] | undefined> => {
    const moves = await droverJson<MigrationView[]>(daemon, ['migrations', '--limit', '100']);
    return moves.every(({ record }) => record.result !== undefined) ? moves : undefined;
  };
  return until('no move in flight', look, { timeoutMs: SETTLE_MS, everyMs: 500 });
}

/** Who has the lease, and who stands by. */
async function roles(): Promise<{ holder: Controller; other: Controller }> {
  const look = async () => {
    for (const [at, one] of controllers.entries()) {
      const { leases } = await droverJson<StatusView>(one.daemon, ['status']);
      const other = controllers[1 - at];
      if (leases.some(({ mine }) => mine) && other !== undefined) return { holder: one, other };
    }
    return undefined;
  };
  return until('one of them holds the lease', look, { timeoutMs: TAKE_OVER_MS, everyMs: 500 });
}

function isTaken({ msg, what }: LogLine): boolean {
  return msg === 'lease' && what === 'taken';
}

/** The first line after the ones that were there before. */
async function waitNew(
  { daemon }: Controller,
  what: string,
  isIt: (line: LogLine) => boolean,
): Promise<void> {
  const before = daemon.log.length;
  const look = async () => daemon.log.slice(before).find(isIt);
  await until(what, look, { timeoutMs: TAKE_OVER_MS, everyMs: 100 });
}

function isPreCopy({ msg, stage, phase }: LogLine): boolean {
  return msg === 'stage' && stage === 'pre-copy' && phase === 'before';
}

/** Per guest: how often it is on record as moved. */
async function movesDone(one: Controller): Promise<readonly number[]> {
  const moves = await untilSettled(one);
  return GUESTS.map((name) => {
    const own = moves.filter(({ record }) => record.vmName === name);
    return own.filter(({ record }) => record.result?.outcome === 'succeeded').length;
  });
}

/** Looked at until nothing is written between the two answers: hosts change their state, too. */
async function oneHistory(): Promise<readonly HistoryEntry[]> {
  const [first, second] = controllers as readonly [Controller, Controller];
  const args = ['history', '--limit', '1000'];
  const look = async (): Promise<HistoryEntry[] | undefined> => {
    const lines = await droverJson<HistoryEntry[]>(first.daemon, args);
    const same = await droverJson<HistoryEntry[]>(second.daemon, args);
    return isDeepStrictEqual(lines, same) ? lines : undefined;
  };
  return until('both to tell the same history', look, { timeoutMs: 60_000, everyMs: 500 });
}

/** Each guest has made each trip once, and both controllers say so. */
async function expectOneHistory(): Promise<void> {
  for (const one of controllers) expect(await movesDone(one)).toEqual(GUESTS.map(() => trips));
  const moves = (await oneHistory()).flatMap(({ move }) => move ?? []);
  expect(new Set(moves).size).toBe(moves.length);
  expect(await harmDone(watch)).toEqual([]);
}

/** One way or the other: a drain of h1, or the way home; each guest makes it once. */
interface Trip {
  readonly verb: 'enter' | 'exit';
  readonly from: number;
  readonly to: number;
}

function nextTrip(): Trip {
  trips += 1;
  return trips % 2 === 1 ? { verb: 'enter', from: 1, to: 2 } : { verb: 'exit', from: 2, to: 1 };
}

/** Resolves when the first guest is on its way, slowly; the order is given to `by`. */
async function setOut({ verb, from }: Trip, holder: Controller, by = holder): Promise<void> {
  await lab.host(from).linkRate('60mbit');
  const started = waitNew(holder, 'a migration under way', isPreCopy);
  expect((await drover(by.daemon, ['maintenance', verb, 'h1'])).code).toBe(0);
  await started;
}

async function arrive({ from, to }: Trip): Promise<void> {
  await lab.host(from).linkRate('none');
  await untilAllOn(to);
}

describe('two controllers on one ledger', () => {
  it('the one that was stopped does nothing more, and the other finishes', async () => {
    const { holder, other } = await roles();
    const trip = nextTrip();
    // An order that is given to the one that stands by is carried out by the other.
    await setOut(trip, holder, other);
    const taken = waitNew(other, 'the take-over', isTaken);
    await holder.daemon.signal('SIGSTOP');
    await taken;
    await arrive(trip);
    await untilSettled(other);
    const before = holder.daemon.log.length;
    await holder.daemon.signal('SIGCONT');
    const look = async () =>
      holder.daemon.log.slice(before).find(({ msg, what }) => msg === 'lease' && what === 'lost');
    await until('the woken one to see that it lost', look, { timeoutMs: 60_000 });
    await sleep(10_000);
    const late = holder.daemon.log.slice(before).filter(({ msg }) => msg === 'stage');
    expect(late).toEqual([]);
    await expectOneHistory();
  });

  it('goes on after the database was killed in the middle of a plan', {
    timeout: 300_000 * DATABASE_KILLS,
  }, async () => {
    const rng = seededRng(testSeed());
    for (let kill = 0; kill < DATABASE_KILLS; kill += 1) {
      const { holder } = await roles();
      const trip = nextTrip();
      await setOut(trip, holder);
      const afterMs = Math.round(rng.next() * 4_000);
      console.log(`database killed ${afterMs} ms into the first move of the ${trip.verb}`);
      await sleep(afterMs);
      await server.kill();
      await sleep(3_000);
      await server.start();
      await arrive(trip);
      await expectOneHistory();
    }
  });

  it('hands over where the network to the database is cut, and acts no more', async () => {
    const { holder, other } = await roles();
    const trip = nextTrip();
    await setOut(trip, holder);
    const taken = waitNew(other, 'the take-over', isTaken);
    holder.wire.cut();
    await taken;
    const before = holder.daemon.log.length;
    await arrive(trip);
    await untilSettled(other);
    holder.wire.mend();
    await sleep(15_000);
    expect(holder.daemon.log.slice(before).filter(({ msg }) => msg === 'stage')).toEqual([]);
    await expectOneHistory();
  });
});
