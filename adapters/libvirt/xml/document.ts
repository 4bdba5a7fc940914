/**
 * Reads libvirt's XML documents: text in, values of a zod schema out. Every element becomes a list
 * (an element that may repeat and one that may not look alike to a parser without the schema), its
 * attributes are keys with "@", its text is "#text".
 */

import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { z } from 'zod';

import { own } from '../../../src/domain/own.ts';

/** A document that is not what the schema says. The message names the place. */
export class DocumentError extends Error {
  constructor(what: string, detail: string) {
    super(`${what}: ${detail}`);
    this.name = 'DocumentError';
  }
}

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  parseTagValue: false,
  parseAttributeValue: false,
  alwaysCreateTextNode: true,
  ignoreDeclaration: true,
  // References by number, too: in metadata libvirt writes every letter beyond ASCII as one.
  htmlEntities: true,
  isArray: (_name, _path, _isLeaf, isAttribute) => !isAttribute,
});

export function readDocument<Schema extends z.ZodType>(
  what: string,
  xml: string,
  schema: Schema,
): z.output<Schema> {
  const valid = XMLValidator.validate(xml);
  if (valid !== true) throw new DocumentError(what, `${valid.err.msg} (line ${valid.err.line})`);
  const result = schema.safeParse(parser.parse(xml));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place = issue?.path.filter((part) => part !== 0).join('/') ?? '';
  throw new DocumentError(what, `${place}: ${issue?.message ?? 'not understood'}`);
}

/** The text of an element. */
export const text = z.object({ '#text': z.string() }).transform((element) => element['#text']);

/** A whole number >= 0 in an attribute or a text. */
export const whole = z
  .string()
  .regex(/^\d+$/, 'expected a whole number')
  .transform((digits) => Number(digits));

/** An element that has to be there. */
export function one<Schema extends z.ZodType>(schema: Schema) {
  return z.tuple([schema]).transform(([first]) => first);
}

/** An element that may be there; of several the first counts. */
export function maybe<Schema extends z.ZodType>(schema: Schema) {
  return z
    .array(schema)
    .default([])
    .transform((list) => list.at(0));
}

/** An element that may be there any number of times. */
export function many<Schema extends z.ZodType>(schema: Schema) {
  return z.array(schema).default([]);
}

/** An attribute that may be there. */
export const attribute = z.string().optional();

const UNIT_BYTES: Readonly<Record<string, number>> = {
  b: 1,
  bytes: 1,
  KB: 1e3,
  k: 1024,
  KiB: 1024,
  MB: 1e6,
  M: 1024 ** 2,
  MiB: 1024 ** 2,
  GB: 1e9,
  G: 1024 ** 3,
  GiB: 1024 ** 3,
  TB: 1e12,
  T: 1024 ** 4,
  TiB: 1024 ** 4,
};

/** Bytes of a number and a unit as libvirt writes them; without a unit: KiB. */
export function bytesOf(value: number, unit = 'KiB'): number {
  const factor = own(UNIT_BYTES, unit);
  if (factor === undefined) throw new DocumentError('memory size', `unknown unit ${unit}`);
  return value * factor;
}

/** An element like `<memory unit='KiB'>1024</memory>`, in bytes. */
export const size = z
  .object({ '#text': whole, '@unit': attribute })
  .transform((element) => bytesOf(element['#text'], element['@unit']));

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&apos;',
  '"': '&quot;',
};

export function escapeXml(value: string): string {
  return value.replaceAll(/[&<>'"]/g, (character) => ENTITIES[character] ?? character);
}
