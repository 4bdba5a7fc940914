/** A document against a schema: the value in code units, or every problem with its place. */

import type { z } from 'zod';
import { type Result, fail, ok } from '../domain/result.ts';
import { type ConfigDocument, problemAt } from './document.ts';
import { type ConfigProblem, PROBLEMS_MAX, nearest } from './problem.ts';
import { expectedOf, keysOf, schemaAt } from './schema-walk.ts';

export function validate<Value>(
  schema: z.ZodType<Value, unknown>,
  document: ConfigDocument,
): Result<Value, ConfigProblem[]> {
  const outcome = schema.safeParse(document.value);
  if (outcome.success) return ok(outcome.data);
  // Looking for places costs time in a large file: no more than will be shown, and one.
  const issues = outcome.error.issues.slice(0, PROBLEMS_MAX + 1);
  return fail(issues.flatMap((issue) => problemsOf(issue, schema, document)));
}

function problemsOf(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
  document: ConfigDocument,
): ConfigProblem[] {
  const { path } = issue;
  const here = schemaAt(schema, path);
  if (issue.code === 'unrecognized_keys') {
    const known = keysOf(here);
    return issue.keys.map((key) => unknownKey(document, [...path, key], known));
  }
  const found = valueAt(document.value, path);
  const name = path.at(-1);
  const isMissing =
    path.length > 0 &&
    found === undefined &&
    (issue.code !== 'custom' || issue.message === 'is missing');
  const message = isMissing
    ? `${typeof name === 'number' ? `item ${name}` : `"${String(name)}"`} is missing`
    : issue.code === 'custom'
      ? issue.message
      : `found ${kindOf(found)}`;
  const label = isMissing || typeof name !== 'string' ? '' : `${name}: `;
  const place = document.place(isMissing ? path.slice(0, -1) : path, 'value');
  const more = { expected: expectedOf(here), hint: '', ...toldBy(issue) };
  return [problemAt(document.file, place, label + message, more)];
}

/** What the reader of the field itself has to say about it. */
function toldBy(issue: z.core.$ZodIssue): { expected?: string; hint?: string } {
  if (issue.code !== 'custom') return {};
  const { expected, hint } = issue.params ?? {};
  return {
    ...(typeof expected === 'string' && expected !== '' ? { expected } : {}),
    ...(typeof hint === 'string' && hint !== '' ? { hint } : {}),
  };
}

function unknownKey(
  document: ConfigDocument,
  path: readonly PropertyKey[],
  known: readonly string[],
): ConfigProblem {
  const key = String(path.at(-1));
  const near = nearest(key, known);
  const place = document.place(path, 'key');
  return problemAt(document.file, place, `unknown key "${key}"`, {
    expected: known.length === 0 ? 'no keys here' : `one of ${known.join(', ')}`,
    hint: near === undefined ? '' : `did you mean "${near}"?`,
  });
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let here = value;
  for (const part of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, part)) return undefined;
    here = Reflect.get(here, part);
  }
  return here;
}

function kindOf(value: unknown): string {
  if (value === null) return 'nothing (null)';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  // Text is not repeated: it may be a secret at a wrong place.
  return typeof value === 'string' ? 'text' : `${typeof value} ${JSON.stringify(value)}`;
}
