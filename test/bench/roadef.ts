// Role: `bench roadef` solves instances of the ROADEF/EURO challenge 2012 with the planner's engine
// and prints one line of figures for each. Cost and validity come from roadef-check.ts. The seconds
// count from the start of the process (of the instance, from the second one on), reading included.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';

import type { Answer, Problem } from '../../src/plan/reassign/problem.ts';
import { reassign } from '../../src/plan/reassign/reassign.ts';
import type { Figures } from './figures.ts';
import { roadefCost, roadefFaults } from './roadef-check.ts';
import { readRoadef } from './roadef-format.ts';
import { toProblem } from './roadef-problem.ts';
import { budgetOf, type Span, Team } from './roadef-team.ts';

/** Kept free at the end for the check and the output, and at the start for npm and node. */
const RESERVE_SECONDS = 0.3;
/** Of the time that reading took, which tells how busy the machine is: making the tables of the
 *  search and checking its answer go over the same numbers. */
const RESERVE_OF_READING = 0.2;

/** Throws TypeError on arguments that make no sense. */
export function* benchRoadef(args: readonly string[]): Generator<Figures> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string', default: '.' },
      instance: { type: 'string', multiple: true },
      seconds: { type: 'string', default: '60' },
      steps: { type: 'string', default: 'Infinity' },
      seed: { type: 'string', default: '1' },
      threads: { type: 'string', default: '2' },
      out: { type: 'string' },
    },
  });
  const [seconds, steps, seed] = [values.seconds, values.steps, values.seed].map(Number);
  if (!(seconds !== undefined && seconds >= 0)) throw new TypeError('--seconds: not a number');
  if (!(steps !== undefined && steps >= 0)) throw new TypeError('--steps: not a number');
  if (seed === undefined || !Number.isSafeInteger(seed)) throw new TypeError('--seed: no integer');
  if (values.threads !== '1' && values.threads !== '2') throw new TypeError('--threads: 1 or 2');
  const names = values.instance ?? instancesIn(values.data);
  const best = bestKnownIn(values.data);
  if (values.out !== undefined && names.length !== 1) {
    throw new TypeError('--out: goes with one --instance');
  }
  const team = values.threads === '2' ? new Team() : undefined;
  const solve = (problem: Problem, time: Span | undefined): Answer =>
    team?.search(problem, seed, steps, time) ?? reassign(problem, budgetOf(seed, steps, time));
  for (const [index, name] of names.entries()) {
    const started = index === 0 ? 0 : performance.now();
    const instance = readRoadef(values.data, name);
    const problem = toProblem(instance);
    const readMs = performance.now() - started;
    const endMs = 1000 * (seconds - RESERVE_SECONDS) - RESERVE_OF_READING * readMs;
    const time = {
      from: performance.timeOrigin + started + readMs,
      ms: Math.max(1, endMs - readMs),
    };
    const answer = solve(problem, steps === Number.POSITIVE_INFINITY ? time : undefined);
    const faults = roadefFaults(instance, answer.at);
    if (values.out !== undefined) writeFileSync(values.out, `${answer.at.join(' ')}\n`);
    const cost = roadefCost(instance, answer.at);
    const initial = roadefCost(instance, instance.initial);
    const known = best.get(name);
    yield {
      instance: name,
      cost,
      initial,
      ...(known !== undefined && { distance: distanceOf(cost, known, initial) }),
      seconds: Number(((performance.now() - started) / 1000).toFixed(3)),
      readSeconds: Number((readMs / 1000).toFixed(3)),
      movedProcesses: answer.moved,
      steps: answer.steps,
      valid: faults.length === 0,
      ...(faults.length > 0 ? { faults: faults.slice(0, 5).join('; ') } : {}),
    };
  }
}

/** Percent of the initial cost. */
function distanceOf(cost: number, best: number, initial: number): number {
  return Number(((100 * (cost - best)) / initial).toFixed(4));
}

/** Of the list that goes with the instances; empty: there is none. */
function bestKnownIn(folder: string): ReadonlyMap<string, number> {
  const file = join(folder, 'best_known.csv');
  if (!existsSync(file)) return new Map();
  const [head = '', ...lines] = readFileSync(file, 'utf8').trim().split('\n');
  const column = head.split(',').indexOf('best_known_used');
  const cells = lines.map((line) => line.split(','));
  return new Map(cells.map((row) => [row[0] ?? '', Number(row[column])]));
}

function instancesIn(folder: string): string[] {
  const names = readdirSync(folder).flatMap((file) => /^model_(\w+)\.txt/.exec(file)?.[1] ?? []);
  if (names.length === 0) throw new TypeError(`--data: there is no model_*.txt in ${folder}`);
  return [...new Set(names)].sort();
}
