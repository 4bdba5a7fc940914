// Role: whatever breaks, wherever, no VM is lost, duplicated, started twice or left behind. Each
// case breaks one thing at one place; together they cover every call that a move makes.
import { describe, expect, it } from 'vitest';

import type { Move } from '../../../src/domain/plan.ts';
import type { Executor } from '../../../src/execute/executor.ts';
import type { Ledger } from '../../../src/ports/ledger.ts';
import { LedgerError } from '../../../src/ports/ledger.ts';
import { aPolicy, aVm, someMigration } from '../../support/fleet.ts';
import { type Bench, makeBench, move, planOf, wrongs, yes } from '../../support/execution-bench.ts';
import { type Mortal, mortal } from '../../support/mortal.ts';
import type { Fault } from '../../support/scripted-hypervisor.ts';

/** A way for a move to go. */
interface Scenario {
  readonly name: string;
  make(): Promise<Bench>;
  /** Called once, when the move has been under way for a while. */
  interfere?(bench: Bench, executor: Executor): void;
}

const noPostCopy = ['pre-copy'] as const;
const giveUp = aPolicy({
  migration: someMigration({
    ladder: {
      'mission-critical': noPostCopy,
      business: noPostCopy,
      standard: noPostCopy,
      'best-effort': noPostCopy,
    },
  }),
});

const SCENARIOS: readonly Scenario[] = [
  { name: 'a move that goes well', make: () => makeBench() },
  {
    name: 'a cold move',
    async make() {
      const bench = await makeBench();
      bench.world = { ...bench.world, vms: [aVm({ id: 'v1', permission: 'cold' })] };
      return bench;
    },
  },
  { name: 'a migration that breaks', make: () => makeBench(['h1'], { breaks: true }) },
  {
    name: 'a migration that does not converge',
    async make() {
      const bench = await makeBench(['h1'], { seconds: Number.POSITIVE_INFINITY });
      bench.policies = giveUp;
      return bench;
    },
  },
  {
    name: 'a move that is cancelled',
    make: () => makeBench(),
    interfere: (_bench, executor) => {
      // A dead process answers nobody.
      executor.cancel(one('').id, 'ada').catch(() => undefined);
    },
  },
];

function one(scenario: string): Move {
  return move('1', 'h1', 'h2', { method: scenario === 'a cold move' ? 'cold' : 'pre-copy' });
}

/** Submits the one move and lets it run for `seconds`; resolves although it may never end. */
// oxlint-disable-next-line max-params -- who carries what out on what, and for how long it lives
async function run(
  scenario: Scenario,
  bench: Bench,
  executor: Executor,
  life?: Mortal,
): Promise<void> {
  const moves = [one(scenario.name)];
  const done = executor.submit(planOf(moves), yes(moves));
  await bench.clock.pass(6);
  scenario.interfere?.(bench, executor);
  let isDone = false;
  void done.then(() => {
    isDone = true;
    return undefined;
  });
  for (let minute = 0; minute < 120 && !isDone && life?.isOver() !== true; minute += 1)
    await bench.clock.pass(60);
}

describe.each(SCENARIOS)('$name', (scenario) => {
  const moves = [one(scenario.name)];

  it('ends well when nothing is wrong', async () => {
    const bench = await scenario.make();
    await run(scenario, bench, bench.executor());
    expect(await wrongs(bench, moves)).toEqual([]);
  });

  it.each(['lost-call', 'lost-answer', 'declined', 'hangs'] as const)(
    'survives any one call to the hypervisor: %s',
    async (fault: Fault) => {
      const clean = await scenario.make();
      await run(scenario, clean, clean.executor());
      await clean.ledger.close();
      for (const bad of places(clean.hypervisor.calls)) {
        const bench = await scenario.make();
        bench.hypervisor.fault = (call) => (call === bad ? fault : undefined);
        await run(scenario, bench, bench.executor());
        const name = bench.hypervisor.calls[bad];
        expect([bad, name, await wrongs(bench, allowed(moves, name, fault))]).toEqual([
          bad,
          name,
          [],
        ]);
        await bench.ledger.close();
      }
    },
    60_000,
  );

  it.each(['before', 'after'] as const)(
    'survives that the ledger fails once, %s it has written',
    async (when) => {
      for (let bad = 0; ; bad += 1) {
        const bench = await scenario.make();
        const failing = failOnce(bench.ledger, bad, when);
        await run(scenario, bench, bench.executor({ ledger: failing.ledger }));
        if (!failing.failed()) break;
        expect([bad, await wrongs(bench, await onRecord(bench, moves))]).toEqual([bad, []]);
        await bench.ledger.close();
      }
    },
    60_000,
  );

  // A crash before a call is one after the call before it: nothing happens in between.
  it('recovers from a crash after any call to a hypervisor or the ledger', async () => {
    const { calls } = await liveUntil(Number.POSITIVE_INFINITY);
    const crashes = places(calls);
    for (const fatal of crashes) {
      const { bench } = await liveUntil(fatal);
      await recoverAndCheck(bench, moves, fatal);
      await bench.ledger.close();
    }
    expect(crashes.length).toBeGreaterThan(20);

    async function liveUntil(fatal: number): Promise<{ bench: Bench; calls: readonly string[] }> {
      const bench = await scenario.make();
      const life = mortal(fatal);
      const ledger = life.bind(bench.ledger);
      const hypervisors = bench.through(life.bind(bench.hypervisor));
      await run(scenario, bench, bench.executor({ ledger, ...hypervisors }), life);
      return { bench, calls: life.calls };
    }
  }, 120_000);
});

/** A crash at once after the start of the recovery, too, and a third life. */
async function recoverAndCheck(bench: Bench, moves: readonly Move[], fatal: number): Promise<void> {
  const second = mortal(fatal % 7);
  const ledger = second.bind(bench.ledger);
  const hypervisors = bench.through(second.bind(bench.hypervisor));
  void bench.executor({ ledger, ...hypervisors }).recover();
  await bench.clock.pass(30);
  second.end();
  const heir = bench.executor();
  await bench.clock.until(heir.recover());
  await bench.clock.until(heir.recover());
  for (let minute = 0; minute < 60 && heir.inFlight().length > 0; minute += 1) {
    await bench.clock.pass(60);
  }
  expect([fatal, await wrongs(bench, await onRecord(bench, moves))]).toEqual([fatal, []]);
}

async function onRecord(bench: Bench, moves: readonly Move[]): Promise<readonly Move[]> {
  const records = await Promise.all(moves.map((each) => bench.ledger.move(each.id)));
  // A move that never came to be written down has nothing to answer for, if it was not started.
  return moves.filter(
    (each, index) => records[index] !== undefined || bench.hypervisor.started.includes(each.id),
  );
}

/** That remains could not be removed is told in the result, and is not a fault of ours. */
function allowed(moves: readonly Move[], name: string | undefined, fault: Fault): readonly Move[] {
  return name === 'cleanUp' && fault === 'declined' ? [] : moves;
}

/** Of calls that repeat (polls) the first and the last; of all others every one. */
function places(calls: readonly string[]): number[] {
  return [...calls.keys()].filter(
    (index) => calls[index] !== calls[index - 1] || calls[index] !== calls[index + 1],
  );
}

/** A ledger whose write number `bad` fails, as on a disk that is full for a moment. */
function failOnce(
  ledger: Ledger,
  bad: number,
  when: 'before' | 'after',
): { readonly ledger: Ledger; failed(): boolean } {
  const writes = ['openMove', 'addStage', 'closeMove', 'reserve', 'release', 'addHistory'];
  let count = 0;
  const proxy = new Proxy(ledger, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return async (...parts: unknown[]): Promise<unknown> => {
        const isBad = writes.includes(String(name)) && (count += 1) === bad + 1;
        if (isBad && when === 'before') throw new LedgerError('full', 'as scripted');
        const value: unknown = await method.apply(target, parts);
        if (isBad) throw new LedgerError('io', 'as scripted');
        return value;
      };
    },
  });
  return { ledger: proxy, failed: () => count > bad };
}
