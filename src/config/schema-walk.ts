/**
 * Reads zod schemas as data: what is expected at a path, which keys an object knows, and the
 * options as rows of a table. So a schema stays the one place where an option is written down.
 */

import { z } from 'zod';

type Schema = z.core.$ZodType;

/** The schema behind optional, default and pipe. */
function unwrap(schema: Schema | undefined): Schema | undefined {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) {
    return unwrap(schema.def.innerType);
  }
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return unwrap(schema.def.innerType);
  }
  if (schema instanceof z.ZodPipe) {
    if (metaOf(schema)['expected'] !== undefined) return schema;
    // A preprocessed schema describes what comes out of the preprocessing.
    return unwrap(schema.def.in instanceof z.ZodTransform ? schema.def.out : schema.def.in);
  }
  return schema;
}

function metaOf(schema: Schema): Record<string, unknown> {
  return z.globalRegistry.get(schema) ?? {};
}

export function schemaAt(root: Schema, path: readonly PropertyKey[]): Schema | undefined {
  let here = unwrap(root);
  for (const part of path) {
    if (here instanceof z.ZodObject) here = unwrap(here.def.shape[String(part)]);
    else if (here instanceof z.ZodArray) here = unwrap(here.def.element);
    else if (here instanceof z.ZodRecord) here = unwrap(here.def.valueType);
    else return undefined;
  }
  return here;
}

export function keysOf(schema: Schema | undefined): readonly string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.def.shape) : [];
}

/** In words; empty where nothing is known. */
export function expectedOf(schema: Schema | undefined): string {
  if (schema === undefined) return '';
  const { expected } = metaOf(schema);
  if (typeof expected === 'string') return expected;
  if (schema instanceof z.ZodArray) return 'a list';
  if (schema instanceof z.ZodRecord) return 'an object of names and values';
  return schema instanceof z.ZodObject ? `an object with ${keysOf(schema).join(', ')}` : '';
}

export interface OptionRow {
  /** Dotted path of keys; `[]` stands for each item of a list. */
  readonly path: string;
  readonly expected: string;
  /** As written in a file; undefined: there is none, or it must be given. */
  readonly default: string | undefined;
  readonly doc: string;
}

/** Every option below a schema, with what its list items and groups hold, in schema order. */
export function optionRows(root: Schema, path = ''): readonly OptionRow[] {
  const inner = unwrap(root);
  const { doc, written } = metaOf(root);
  const isGroup = inner instanceof z.ZodObject;
  const own: OptionRow = {
    path,
    expected: isGroup ? '' : expectedOf(inner),
    default: typeof written === 'string' ? written : undefined,
    doc: typeof doc === 'string' ? doc : '',
  };
  // A group of options is a heading only, unless it has something to say itself.
  const rows = isGroup && own.doc === '' ? [] : [own];
  if (inner instanceof z.ZodArray && unwrap(inner.element) instanceof z.ZodObject) {
    return [...rows, ...optionRows(inner.element, `${path}[]`)];
  }
  if (!isGroup) return rows;
  const below = Object.entries(inner.def.shape).flatMap(([key, child]) =>
    optionRows(child, path === '' ? key : `${path}.${key}`),
  );
  return [...rows, ...below];
}
