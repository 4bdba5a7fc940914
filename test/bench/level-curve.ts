// Role: `bench level-curve`: for each number of moves that another planner needed on the neutral
// benchmark's fleets, the spread of CPU that ours reaches with as many at most, judged by that
// benchmark. Only the number is limited: memory moved costs nothing here, as it does for most of
// the others. The others' figures are of seed 1; other seeds show ours at the same numbers.
import { parseArgs } from 'node:util';

import { check } from '../../src/check/check.ts';
import { defaultPolicies } from '../../src/config/policies.ts';
import { plan } from '../../src/plan/plan.ts';
import type { Figures } from './figures.ts';
import { PEERS } from './level-peers.ts';
import { type Judge, judgeIn } from './table.ts';
import { findingsFor, inStages, parseVmbal, toSnapshot } from './vmbal.ts';

/** Throws TypeError on arguments that make no sense. */
export async function benchLevelCurve(args: readonly string[]): Promise<Iterable<Figures>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      bench: { type: 'string' },
      sizes: { type: 'string', default: '10/200,32/600,100/2000,320/6400,1000/20000' },
      seed: { type: 'string', default: '1' },
      steps: { type: 'string', default: '3000' },
    },
  });
  if (values.bench === undefined) throw new TypeError('--bench DIR is missing');
  const [seed, steps] = [Number(values.seed), Number(values.steps)];
  if (!Number.isSafeInteger(seed)) throw new TypeError(`--seed: not a number: ${values.seed}`);
  if (!(steps >= 0)) throw new TypeError(`--steps: not a number: ${values.steps}`);
  const judge = await judgeIn(values.bench);
  return curve(judge, values.sizes.split(','), { seed, steps });
}

interface Search {
  readonly seed: number;
  readonly steps: number;
}

function* curve(judge: Judge, sizes: readonly string[], search: Search): Generator<Figures> {
  for (const size of sizes) {
    const [hosts = Number.NaN, vms = Number.NaN] = size.split('/').map(Number);
    if (!(hosts > 0 && vms > 0)) throw new TypeError(`--sizes: hosts/vms, got ${size}`);
    const fleet = judge.generate({ hosts, vms, seed: search.seed });
    for (const peer of PEERS.filter((one) => one.size === size)) {
      const ours = levelled(judge, fleet, peer.moves, search);
      const theirs = { peerGib: peer.gib, peerCpuSd: peer.cpuSd, peerBroken: peer.broken };
      yield { size, peer: peer.planner, mostMoves: peer.moves, ...theirs, ...ours };
    }
  }
}

// oxlint-disable-next-line max-params -- one point of the curve
function levelled(judge: Judge, fleet: unknown, mostMoves: number, search: Search): Figures {
  const { limits, migration, weights: shipped } = defaultPolicies();
  const weights = { ...shipped, moveCost: 0 };
  const snapshot = toSnapshot(parseVmbal(JSON.stringify(fleet)));
  const asked = findingsFor(snapshot, 'level', limits.safetyCapacity.cpu);
  const findings = asked.filter(({ response }) => response === 'level');
  const started = process.cpuUsage();
  const request = { snapshot, findings, limits, migration, weights, mostMoves };
  const { plan: made } = plan({ ...request, ...search });
  const { user, system } = process.cpuUsage(started);
  const violations = check({ snapshot, plan: made, limits, migration }).length;
  const { after, mib, ...verdict } = judge.evaluate(fleet, inStages(made));
  return {
    moves: made.moves.length,
    gib: mib / 1024,
    cpuSd: Number((100 * after.cpuSd).toFixed(2)),
    memSdChange: Number((100 * (after.memSd - verdict.before.memSd)).toFixed(2)),
    violations: violations + verdict.violations,
    cpuSeconds: Number(((user + system) / 1e6).toFixed(3)),
  };
}
