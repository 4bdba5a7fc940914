/**
 * A file as read, with the place of everything in it. YAML through the `yaml` package, strictly:
 * no double keys, no bombs of aliases, nothing that two readers could read differently.
 */

import { type Document, LineCounter, isMap, isNode, isScalar, parseDocument, visit } from 'yaml';
import { type Result, fail, ok } from '../domain/result.ts';
import type { ConfigProblem } from './problem.ts';

export interface Place {
  readonly line: number;
  readonly column: number;
}

export type Path = readonly PropertyKey[];

export interface ConfigDocument {
  readonly file: string;
  readonly value: unknown;
  /**
   * Where the value (or the key) at this path begins; where there is none, the nearest thing
   * around it.
   */
  place(path: Path, at: 'key' | 'value'): Place;
}

/** YAML is parsed at about 2 µs a byte, and nobody writes half a mebibyte of policy by hand. */
export const YAML_BYTES_MAX = 512 * 1024;
/** So many uses of anchors are honest; more is a bomb ("billion laughs"). */
const ALIASES_MAX = 50;

export function problemAt(file: string, place: Place, message: string, more = {}): ConfigProblem {
  return { file, ...place, message, expected: '', hint: '', ...more };
}

const START: Place = { line: 1, column: 1 };

export function readYaml(source: string, file: string): Result<ConfigDocument, ConfigProblem[]> {
  const text = withoutBom(source);
  if (Buffer.byteLength(text) > YAML_BYTES_MAX) {
    const expected = `at most ${YAML_BYTES_MAX / 1024} KiB`;
    return fail([problemAt(file, START, 'the file is too large', { expected })]);
  }
  const lines = new LineCounter();
  const doc = parseDocument(text, {
    lineCounter: lines,
    strict: true,
    uniqueKeys: true,
    stringKeys: true,
    prettyErrors: false,
  });
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const problems = [...doc.errors, ...doc.warnings].map((error) =>
    problemAt(file, at(error.pos[0]), error.message.split('\n')[0] ?? 'not YAML'),
  );
  problems.push(...ambiguousNumbers(doc, file, at));
  if (problems.length > 0) return fail(problems);
  if (doc.contents === null || (isScalar(doc.contents) && doc.contents.value === null)) {
    return fail([problemAt(file, START, 'the file is empty')]);
  }
  try {
    const value: unknown = doc.toJS({ maxAliasCount: ALIASES_MAX });
    return ok({ file, value, place: (path, what) => at(offsetOf(doc, path, what)) });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return fail([problemAt(file, START, message, { hint: 'use fewer YAML aliases' })]);
  }
}

/** A byte order mark is allowed at the start and means nothing. */
export function withoutBom(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}

/** 012 is 12 to YAML 1.2, 10 to YAML 1.1 and to many people. */
function ambiguousNumbers(
  doc: Document.Parsed,
  file: string,
  at: (offset: number) => Place,
): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  visit(doc, {
    Scalar(_, node) {
      if (typeof node.value !== 'number' || !/^[-+]?0\d/.test(node.source ?? '')) return;
      problems.push(
        problemAt(file, at(node.range?.[0] ?? 0), `${node.source} begins with a zero`, {
          hint: `write ${Number(node.source)}, or quote it if it is text`,
        }),
      );
    },
  });
  return problems;
}

function offsetOf(doc: Document.Parsed, path: Path, what: 'key' | 'value'): number {
  for (let length = path.length; length > 0; length -= 1) {
    const part = path.slice(0, length);
    const offset = what === 'key' ? keyOffset(doc, part) : undefined;
    const found = offset ?? nodeOffset(doc.getIn(part, true));
    if (found !== undefined) return found;
  }
  return nodeOffset(doc.contents) ?? 0;
}

function nodeOffset(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

function keyOffset(doc: Document.Parsed, path: Path): number | undefined {
  const parent = path.length === 1 ? doc.contents : doc.getIn(path.slice(0, -1), true);
  if (!isMap(parent)) return undefined;
  const pair = parent.items.find((item) => isScalar(item.key) && item.key.value === path.at(-1));
  return nodeOffset(pair?.key);
}
