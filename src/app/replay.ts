/**
 * Plans a recorded decision again, from what it was planned from, and compares: the same bytes,
 * or where they differ and what may be why. Nothing is asked of anybody but the ledger's answer.
 */

import type { PlanResult } from '../domain/plan.ts';
import type { Violation } from '../domain/violation.ts';
import type { Replayable } from '../ports/ledger.ts';
import { type PlannerBuild, plannerBuild, unpackInputs } from './plan-inputs.ts';
import { planAndCheck } from './plan-job.ts';

/** One place where the two plans differ; undefined: it is not there. */
export interface Difference {
  /** Like "plan.moves[2].to". */
  readonly path: string;
  readonly recorded: unknown;
  readonly replayed: unknown;
}

export interface Replay {
  readonly same: boolean;
  /** Of plan and report as JSON, as they are recorded and as they came out. */
  readonly bytes: { readonly recorded: number; readonly replayed: number };
  /** The first of them, in the order of the record. */
  readonly differences: readonly Difference[];
  readonly madeBy: PlannerBuild;
  readonly replayedBy: PlannerBuild;
  /** What is not the same about the two planners; empty: it is the very same code. */
  readonly reasons: readonly string[];
  /** What the checker of today says of the plan that came out. */
  readonly violations: readonly Violation[];
  readonly result: PlanResult;
}

const MOST_DIFFERENCES = 10;

/** Throws where the inputs cannot be read: {@link unpackInputs}. */
export function replay(recorded: PlanResult, inputs: Uint8Array): Replay {
  const { madeBy, job } = unpackInputs(inputs);
  const steps = recorded.report.stats.stepsGranted;
  const { result, violations } = planAndCheck({ ...job, steps });
  const [before, after] = [JSON.stringify(recorded), JSON.stringify(result)];
  const same = before === after;
  const replayedBy = plannerBuild();
  return {
    same,
    bytes: { recorded: Buffer.byteLength(before), replayed: Buffer.byteLength(after) },
    // As both stand in JSON: what is undefined is not there.
    differences: same ? [] : differencesOf(JSON.parse(before), JSON.parse(after)),
    madeBy,
    replayedBy,
    reasons: reasonsOf(madeBy, replayedBy),
    violations,
    result,
  };
}

/** Why a plan cannot be made again. */
export function whyNot({ decision, inputs, oldestInputsAt }: Replayable): string | undefined {
  if (decision === undefined) return 'the ledger has no such decision, or has it no more';
  if (inputs !== undefined) return undefined;
  if (oldestInputsAt !== undefined && decision.at < oldestInputsAt)
    return 'what it was planned from had to go (replay.keepFor, replay.keepAtMost in drover.yaml)';
  return (
    'what it was planned from was never kept: the plan was handed in (drover apply), replay is ' +
    'switched off, or it could not be written'
  );
}

function reasonsOf(made: PlannerBuild, now: PlannerBuild): readonly string[] {
  const told = (what: string, was: string, is: string): readonly string[] =>
    was === is ? [] : [`${what}: ${was} then, ${is} now`];
  return [
    ...told('version', made.version, now.version),
    ...told("the planner's code", made.code, now.code),
    ...told('node', made.node, now.node),
  ];
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

function differencesOf(recorded: Json, replayed: Json): readonly Difference[] {
  const found: Difference[] = [];
  const walk = (path: string, a: Json | undefined, b: Json | undefined): void => {
    if (found.length === MOST_DIFFERENCES) return;
    const keys = keysOf(a, b);
    if (keys === undefined) {
      if (a !== b) found.push({ path, recorded: a, replayed: b });
      return;
    }
    for (const key of keys) walk(joined(path, key), at(a, key), at(b, key));
  };
  walk('', recorded, replayed);
  if (found.length > 0) return found;
  return [{ path: '', recorded: 'keys in one order', replayed: 'keys in another order' }];
}

/** Undefined where the two are to be compared as they are. */
function keysOf(a: Json | undefined, b: Json | undefined): Iterable<string | number> | undefined {
  if (!isTree(a) || !isTree(b) || Array.isArray(a) !== Array.isArray(b)) return undefined;
  if (Array.isArray(a) && Array.isArray(b)) return Array(Math.max(a.length, b.length)).keys();
  return new Set([...Object.keys(a), ...Object.keys(b)]);
}

function isTree(value: Json | undefined): value is Extract<Json, object> {
  return typeof value === 'object' && value !== null;
}

function at(tree: Json | undefined, key: string | number): Json | undefined {
  if (!isTree(tree)) return undefined;
  const entries = tree as Readonly<Record<string | number, Json>>;
  return Object.hasOwn(entries, key) ? entries[key] : undefined;
}

function joined(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  return path === '' ? key : `${path}.${key}`;
}
