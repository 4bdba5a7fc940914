// Role: the checker judged by its misses. Plans that the planner made for random fleets, and that
// the checker passes, get one fault each; every one has to be found. The table says how often each
// kind was really planted: a mutator that never applies would prove nothing.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { check } from '../../src/check/check.ts';
import type { Move } from '../../src/domain/plan.ts';
import { type PlanRequest, plan } from '../../src/plan/plan.ts';
import { CLUSTER_MUTATORS } from '../support/cluster-mutations.ts';
import { Scene } from '../support/mutation-scene.ts';
import { OWN_MUTATORS } from '../support/own-mutations.ts';
import { MUTATORS } from '../support/plan-mutations.ts';
import { aPlan } from '../support/plans.ts';
import { withClusters } from '../support/random-clusters.ts';
import { planRequests, tightRequests } from '../support/random-fleet.ts';
import { withOwn } from '../support/random-own.ts';

/** Every kind of fault is planted at least so often, in as many plans as it takes, up to `MOST`. */
const ENOUGH = 12;
const BATCH = 250;
const MOST = 20_000;
/** Of one plan and mutator: more of the same says little. */
const PER_PLAN = 4;

const OTHERS = MUTATORS.filter(
  (one) => !OWN_MUTATORS.includes(one) && !CLUSTER_MUTATORS.includes(one),
);

/** So that what is found is found for the cluster's sake. */
const NO_OTHER_CAPS = { total: 99, perHostIn: 99, perHostOut: 99, perLink: 99 };

const KINDS = [
  { requests: planRequests(), mutators: OTHERS },
  { requests: tightRequests(), mutators: OTHERS },
  { requests: withOwn(planRequests()), mutators: OWN_MUTATORS },
  { requests: withOwn(tightRequests()), mutators: OWN_MUTATORS },
  { requests: withClusters(planRequests(), NO_OTHER_CAPS), mutators: CLUSTER_MUTATORS },
  { requests: withClusters(tightRequests(), NO_OTHER_CAPS), mutators: CLUSTER_MUTATORS },
] as const;

function codesIn({ request }: Scene, moves: readonly Move[]): Set<string> {
  const { snapshot, limits, migration } = request;
  const found = check({ snapshot, plan: aPlan(moves), limits, migration });
  return new Set(found.map(({ code }) => code));
}

function goodScene(request: PlanRequest): Scene | undefined {
  const { moves } = plan(request).plan;
  const scene = new Scene(request, moves);
  return moves.length > 0 && codesIn(scene, moves).size === 0 ? scene : undefined;
}

describe('check, on good plans with one fault each', () => {
  it('finds every fault of every kind', { timeout: 300_000 }, () => {
    const planted = new Map(MUTATORS.map(({ name }) => [name, 0]));
    const missed: string[] = [];
    let drawn = 0;
    for (let batch = 0; drawn < MOST; batch += 1) {
      const due = MUTATORS.filter(({ name }) => (planted.get(name) ?? 0) < ENOUGH);
      if (due.length === 0) break;
      const seed = (fc.readConfigureGlobal()?.seed ?? 0) + batch;
      const open = KINDS.filter(({ mutators: all }) => all.some((one) => due.includes(one)));
      const { requests, mutators } = open[batch % open.length] ?? KINDS[0];
      for (const request of fc.sample(requests, { seed, numRuns: BATCH })) {
        drawn += 1;
        const scene = goodScene(request);
        if (scene === undefined) continue;
        for (const mutator of mutators.filter((one) => due.includes(one))) {
          for (const moves of mutator.plant(scene).slice(0, PER_PLAN)) {
            planted.set(mutator.name, (planted.get(mutator.name) ?? 0) + 1);
            const found = codesIn(scene, moves);
            if (mutator.codes.some((code) => found.has(code))) continue;
            missed.push(`${mutator.name}: found only [${[...found].join(', ')}] (seed ${seed})`);
          }
        }
      }
    }
    const table = [...planted].map(([name, count]) => `${String(count).padStart(5)}  ${name}`);
    process.stdout.write(`faults planted in ${drawn} fleets, all found:\n${table.join('\n')}\n`);
    expect(missed).toEqual([]);
    const tooFew = [...planted].filter(([, count]) => count < ENOUGH);
    expect(tooFew).toEqual([]);
  });
});
