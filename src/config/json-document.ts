/**
 * JSON files, which may be large (20,000 VMs): the fast parser first, and a search for the place
 * of something only when there is something to complain about.
 */

import { type Result, fail, ok } from '../domain/result.ts';
import { type ConfigDocument, type Path, type Place, problemAt, withoutBom } from './document.ts';
import type { ConfigProblem } from './problem.ts';

export function readJson(source: string, file: string): Result<ConfigDocument, ConfigProblem[]> {
  const text = withoutBom(source);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail([syntaxProblem(text, file)]);
  }
  const doubles = countKeys(value) === countWrittenKeys(text) ? [] : doubleKeys(text, file);
  if (doubles.length > 0) return fail(doubles);
  return ok({ file, value, place: placeFinder(text) });
}

function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) count += countKeys(item);
    return count;
  }
  // What JSON gives has no inherited keys, and nothing has to be made to go through its own.
  for (const key in value) count += 1 + countKeys(value[key as keyof typeof value]);
  return count;
}

/**
 * Keys as written, doubles included. Where no blank stands before a colon and no quote is escaped
 * before one, `":` is a key and nothing else, and counting those takes a tenth of the time.
 */
function countWrittenKeys(text: string): number {
  let count = 0;
  if (!text.includes('\\":') && !/"\s+:/.test(text)) {
    for (let at = text.indexOf('":'); at >= 0; at = text.indexOf('":', at + 2)) count += 1;
    return count;
  }
  for (const [, colon] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)) {
    if (colon !== undefined) count += 1;
  }
  return count;
}

/** One step of the scan below. */
interface Visit {
  readonly path: Path;
  readonly keyOffset: number | undefined;
  readonly offset: number;
}

class JsonSyntaxError extends Error {
  readonly offset: number;
  readonly expected: string;

  constructor(offset: number, expected: string) {
    super(expected);
    this.offset = offset;
    this.expected = expected;
  }
}

const LITERAL = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
// Control characters are not allowed inside JSON text.
// oxlint-disable-next-line no-control-regex
const TEXT = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SPACE = /[ \t\r\n]*/y;
const DEPTH_MAX = 200;

/** Walks through JSON text, telling of every value where it is. Throws JsonSyntaxError. */
function scan(text: string, visit: (step: Visit) => void): void {
  let offset = 0;
  const skip = (): void => {
    SPACE.lastIndex = offset;
    SPACE.test(text);
    offset = SPACE.lastIndex;
  };
  const take = (form: RegExp): string | undefined => {
    form.lastIndex = offset;
    const found = form.exec(text)?.[0];
    offset += found?.length ?? 0;
    return found;
  };
  const need = (char: string, expected: string): void => {
    skip();
    if (text[offset] !== char) throw new JsonSyntaxError(offset, expected);
    offset += 1;
  };
  const items = (close: string, item: (index: number) => void): void => {
    offset += 1;
    skip();
    if (text[offset] === close) {
      offset += 1;
      return;
    }
    for (let index = 0; ; index += 1) {
      item(index);
      skip();
      if (text[offset] === ',') offset += 1;
      else return need(close, `"," or "${close}"`);
    }
  };
  const value = (path: Path, keyOffset: number | undefined): void => {
    skip();
    if (path.length > DEPTH_MAX) throw new JsonSyntaxError(offset, 'less nesting');
    visit({ path, keyOffset, offset });
    if (text[offset] === '{') {
      items('}', () => {
        skip();
        const at = offset;
        const key = take(TEXT);
        if (key === undefined) throw new JsonSyntaxError(offset, 'a "name" in double quotes');
        need(':', '":"');
        value([...path, String(JSON.parse(key))], at);
      });
    } else if (text[offset] === '[') items(']', (index) => value([...path, index], undefined));
    else if (take(TEXT) === undefined && take(LITERAL) === undefined) {
      throw new JsonSyntaxError(offset, 'a value');
    }
  };
  value([], undefined);
  skip();
  if (offset < text.length) throw new JsonSyntaxError(offset, 'nothing more');
}

function syntaxProblem(text: string, file: string): ConfigProblem {
  if (text.trim() === '') return problemAt(file, { line: 1, column: 1 }, 'the file is empty');
  try {
    scan(text, () => undefined);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    const found = text[error.offset];
    const message = found === undefined ? 'the file ends too early' : `unexpected ${show(found)}`;
    return problemAt(file, placeOf(text, error.offset), message, { expected: error.expected });
  }
  return problemAt(file, { line: 1, column: 1 }, 'not JSON');
}

function show(char: string): string {
  return JSON.stringify(char);
}

function doubleKeys(text: string, file: string): ConfigProblem[] {
  const seen = new Set<string>();
  const problems: ConfigProblem[] = [];
  scan(text, ({ path, keyOffset }) => {
    if (keyOffset === undefined) return;
    const name = JSON.stringify(path);
    if (seen.has(name)) {
      const message = `"${String(path.at(-1))}" is there twice`;
      problems.push(problemAt(file, placeOf(text, keyOffset), message));
    }
    seen.add(name);
  });
  return problems;
}

interface Child {
  readonly name: PropertyKey;
  readonly keyOffset: number | undefined;
  readonly offset: number;
}

/** Finds places in text that is known to be JSON. Each container is gone through once. */
function placeFinder(text: string): ConfigDocument['place'] {
  const cache = new Map<number, readonly Child[]>();
  const childrenAt = (offset: number): readonly Child[] => {
    const children = cache.get(offset) ?? childrenOf(text, offset);
    cache.set(offset, children);
    return children;
  };
  return (path, at) => {
    let here: Child = { name: '', keyOffset: undefined, offset: text.search(/\S/) };
    for (const [depth, name] of path.entries()) {
      const child = childrenAt(here.offset).find((other) => other.name === name);
      if (child === undefined) return placeOf(text, here.offset);
      here = at === 'key' && depth === path.length - 1 ? { ...child, offset: keyOf(child) } : child;
    }
    return placeOf(text, here.offset);
  };
}

function keyOf(child: Child): number {
  return child.keyOffset ?? child.offset;
}

const TOKEN = /\s+|"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/y;

/** What is directly inside the object or array that begins at `start`; nothing inside a scalar. */
function childrenOf(text: string, start: number): Child[] {
  const children: Child[] = [];
  const isObject = text[start] === '{';
  if (!isObject && text[start] !== '[') return children;
  let depth = 0;
  let key: { readonly name: string; readonly offset: number } | undefined;
  TOKEN.lastIndex = start;
  for (let offset = start; offset < text.length; offset = TOKEN.lastIndex) {
    const [token = ''] = TOKEN.exec(text) ?? [];
    if (token === '') return children;
    const isSpace = token.trim() === '';
    if (depth === 1 && !isSpace && !/^[}\],:]/.test(token)) {
      if (isObject && key === undefined) key = { name: String(JSON.parse(token)), offset };
      else {
        children.push({ name: key?.name ?? children.length, keyOffset: key?.offset, offset });
        key = undefined;
      }
    }
    if (token === '{' || token === '[') depth += 1;
    if (token === '}' || token === ']') depth -= 1;
    if (depth === 0) return children;
  }
  return children;
}

function placeOf(text: string, offset: number): Place {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  let line = 1;
  for (const char of before) if (char === '\n') line += 1;
  return { line, column: offset - lineStart + 1 };
}
