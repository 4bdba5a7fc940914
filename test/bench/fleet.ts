// Role: `bench fleet` plans one fleet of the neutral benchmark with the limits of the shipped
// policy, writes the plan for the benchmark's judge and returns figures. `planSeconds` is wall time
// from the parsed snapshot to the checked plan; `cpuSeconds` is what the thread itself worked in
// that time, which is inflated less by what else the machine does. `--again` plans once more as if
// the plan had been carried out. `bench convert` writes the fleet as a fleet file.
import { readFileSync, writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';

import { check } from '../../src/check/check.ts';
import { defaultPolicies } from '../../src/config/policies.ts';
import type { PlanResult } from '../../src/domain/plan.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import { plan } from '../../src/plan/plan.ts';
import type { Figures } from './figures.ts';
import { toFleetFile } from './to-fleet.ts';
import {
  GOALS,
  carriedOut,
  findingsFor,
  inStages,
  isGoal,
  parseVmbal,
  toSnapshot,
} from './vmbal.ts';

/** Throws TypeError on arguments that make no sense. */
export function benchFleet(args: readonly string[]): Figures {
  const { values } = parseArgs({
    args: [...args],
    options: {
      snapshot: { type: 'string' },
      out: { type: 'string' },
      goal: { type: 'string', default: 'relieve' },
      seconds: { type: 'string', default: 'Infinity' },
      seed: { type: 'string', default: '1' },
      again: { type: 'boolean', default: false },
    },
  });
  const { snapshot: file, out, goal } = values;
  if (file === undefined) throw new TypeError('--snapshot FILE is missing');
  if (!isGoal(goal)) throw new TypeError(`--goal: ${GOALS.join(', ')}`);
  const budgetMs = 1000 * Number(values.seconds);
  if (!(budgetMs >= 0)) throw new TypeError(`--seconds: not a number: ${values.seconds}`);
  const seed = Number(values.seed);
  if (!Number.isSafeInteger(seed)) throw new TypeError(`--seed: not a number: ${values.seed}`);
  const { limits, migration, weights } = defaultPolicies();
  const fleet = parseVmbal(readFileSync(file, 'utf8'));
  const snapshot = toSnapshot(fleet);

  const idle = process.threadCpuUsage();
  const started = performance.now();
  const shouldStop = (): boolean => performance.now() - started >= budgetMs;
  const planned = (now: Snapshot): PlanResult => {
    const findings = findingsFor(now, goal, limits.safetyCapacity.cpu);
    return plan({ snapshot: now, findings, limits, migration, weights, seed, shouldStop });
  };
  const result = planned(snapshot);
  const before = performance.now();
  const violations = check({ snapshot, plan: result.plan, limits, migration });
  const ended = performance.now();
  const { user, system } = process.threadCpuUsage(idle);

  if (out !== undefined) {
    writeFileSync(out, JSON.stringify({ planner: 'drover', ...inStages(result.plan) }));
  }
  const { stats, unresolved } = result.report;
  const again = (): number =>
    planned(toSnapshot(carriedOut(fleet, result.plan.moves))).plan.moves.length;
  return {
    hosts: stats.hosts,
    vms: stats.vms,
    moves: result.plan.moves.length,
    unresolved: unresolved.length,
    violations: violations.length,
    planSeconds: Number(((ended - started) / 1000).toFixed(4)),
    cpuSeconds: Number(((user + system) / 1e6).toFixed(4)),
    checkSeconds: Number(((ended - before) / 1000).toFixed(4)),
    peakRssMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    stepsGranted: stats.stepsGranted,
    stepsUsed: stats.stepsUsed,
    evaluatedMoves: stats.evaluatedMoves,
    ...(values.again && { movesAgain: again() }),
  };
}

/** Throws TypeError on arguments that make no sense. */
export function benchConvert(args: readonly string[]): Figures {
  const { values } = parseArgs({
    args: [...args],
    options: { snapshot: { type: 'string' }, out: { type: 'string' } },
  });
  if (values.snapshot === undefined) throw new TypeError('--snapshot FILE is missing');
  if (values.out === undefined) throw new TypeError('--out FILE is missing');
  const fleet = parseVmbal(readFileSync(values.snapshot, 'utf8'));
  writeFileSync(values.out, `${JSON.stringify(toFleetFile(fleet), undefined, 1)}\n`);
  return { hosts: fleet.hosts.length, vms: fleet.vms.length, groups: fleet.antiAffinity.length };
}
