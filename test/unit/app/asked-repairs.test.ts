// Role: a repair that a person was asked about goes on asking, also after a restart or a take-over.
import { expect, it } from 'vitest';

import { type DispatchInput, Dispatcher } from '../../../src/app/dispatcher.ts';
import { findingId, moveId } from '../../../src/domain/ids.ts';
import type { Move } from '../../../src/domain/plan.ts';
import { type Bench, makeBench, move, planOf } from '../../support/execution-bench.ts';
import { aFinding, aPolicy, someLimits } from '../../support/fleet.ts';
import { aDecision } from '../../support/ledger-records.ts';

/** Two may go unasked. */
const POLICY = aPolicy({
  mode: { default: 'automatic', clusters: {}, approve: [] },
  limits: someLimits({ repairsUnasked: 2 }),
});
const THREE = ['1', '2', '3'].map((id) => {
  const one = move(id, 'h1', 'h2', { tier: 'corrective' });
  return { ...one, reason: { ...one.reason, finding: findingId(`f${id}`) } };
});

function started({ ledger, clock, events, ...bench }: Bench): Dispatcher {
  const rest = { archive: { keep: () => undefined }, isElsewhere: () => false };
  const executor = bench.executor();
  return new Dispatcher({
    ledger,
    clock,
    events,
    executor,
    policies: { policies: POLICY },
    ...rest,
  });
}

async function ask(on: Dispatcher, bench: Bench, plan: string, moves: readonly Move[]) {
  const at = bench.clock.now();
  const { report } = aDecision('any', 0).result;
  const input: DispatchInput = {
    snapshot: { ...bench.world, takenAt: at },
    findings: THREE.map(({ reason }) => ({ ...aFinding('relieve'), id: reason.finding })),
    orders: [],
    result: { plan: { ...planOf(moves, plan), snapshotAt: at }, report },
  };
  return (await on.dispatch(input)).map(({ verdict }) => verdict);
}

const one = (id: string): readonly Move[] =>
  THREE.slice(0, 1).map((it) => ({ ...it, id: moveId(id) }));

it.each(['a restart', 'a take-over'])('is asked about after %s', async (what) => {
  const bench = await makeBench(['h1', 'h1', 'h1']);
  const heir = started(bench);
  if (what === 'a take-over') await ask(heir, bench, 'p0', []);
  expect(await ask(started(bench), bench, 'p1', THREE)).toEqual(Array(3).fill('needs-approval'));
  if (what === 'a take-over') heir.tookOver();
  expect(await ask(heir, bench, 'p2', one('again'))).toEqual(['needs-approval']);
});
