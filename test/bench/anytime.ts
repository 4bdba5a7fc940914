// Role: `bench anytime`: what the planner answers when it is stopped after so many milliseconds,
// with rising budgets in one process: when the answer came, whether the checker finds anything, and
// whether it is worse than with less time. The first row is the first call of the process, stopped
// at once; before the others the planner has practised, as a daemon's does after its first tick.
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';

import { practiceFindings, practiceRounds } from '../../src/app/practice.ts';
import { check } from '../../src/check/check.ts';
import { defaultPolicies } from '../../src/config/policies.ts';
import { type PlanRequest, plan } from '../../src/plan/plan.ts';
import type { Figures } from './figures.ts';
import { moved, spreadAfter } from './gap.ts';
import { findingsFor, parseVmbal, toSnapshot } from './vmbal.ts';

/** Throws TypeError on arguments that make no sense. */
export function* benchAnytime(args: readonly string[]): Generator<Figures> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      snapshot: { type: 'string' },
      goal: { type: 'string', default: 'relieve' },
      milliseconds: { type: 'string', default: '0,10,20,50,100,200,500,1000,5000' },
    },
  });
  const { snapshot: file, goal } = values;
  if (file === undefined) throw new TypeError('--snapshot FILE is missing');
  if (goal !== 'relieve' && goal !== 'level') throw new TypeError('--goal: relieve or level');
  const budgets = values.milliseconds.split(',').map(Number);
  if (!budgets.every((budget) => budget >= 0)) {
    throw new TypeError(`--milliseconds: numbers, got ${values.milliseconds}`);
  }
  const { limits, migration, weights } = defaultPolicies();
  const snapshot = toSnapshot(parseVmbal(readFileSync(file, 'utf8')));
  const findings = findingsFor(snapshot, goal, limits.safetyCapacity.cpu);
  const request = { snapshot, findings, limits, migration, weights, seed: 1 };
  let before: Answer | undefined;
  for (const [index, budget] of [0, ...budgets].entries()) {
    if (index === 1) practise(request);
    const { answer, figures } = answerWithin(request, goal, budget);
    const worse = before !== undefined && isWorse(answer, before);
    yield { practised: index > 0, ...figures, isWorse: worse };
    before = answer;
  }
}

function practise(request: PlanRequest): void {
  const { hosts, vms } = request.snapshot;
  const asked = { ...request, findings: practiceFindings(hosts), shouldStop: () => true };
  for (let round = practiceRounds(vms.length); round > 0; round -= 1) plan(asked);
}

/** What is left open, and what the goal is about: GiB moved, or points of CPU spread. */
interface Answer {
  readonly unresolved: number;
  readonly value: number;
}

function isWorse(answer: Answer, than: Answer): boolean {
  if (answer.unresolved !== than.unresolved) return answer.unresolved > than.unresolved;
  return answer.value > than.value * (1 + 1e-9);
}

function answerWithin(
  request: PlanRequest,
  goal: 'relieve' | 'level',
  budgetMs: number,
): { readonly answer: Answer; readonly figures: Figures } {
  const idle = process.threadCpuUsage();
  const started = performance.now();
  const shouldStop = (): boolean => performance.now() - started >= budgetMs;
  const { plan: made, report } = plan({ ...request, shouldStop });
  const answerMs = performance.now() - started;
  const { user, system } = process.threadCpuUsage(idle);
  const { snapshot, limits, migration } = request;
  const violations = check({ snapshot, plan: made, limits, migration }).length;
  const value =
    goal === 'level' ? 100 * spreadAfter(request, 'cpu', made.moves) : moved(request, made.moves);
  const unresolved = report.unresolved.length;
  const { hosts, vms, stepsUsed } = report.stats;
  return {
    answer: { unresolved, value },
    figures: {
      hosts,
      vms,
      budgetMs,
      answerMs: Number(answerMs.toFixed(1)),
      cpuMs: Number(((user + system) / 1000).toFixed(1)),
      moves: made.moves.length,
      unresolved,
      violations,
      stepsUsed,
      [goal === 'level' ? 'spreadPoints' : 'movedGiB']: Number(value.toFixed(3)),
    },
  };
}
