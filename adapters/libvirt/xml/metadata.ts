/**
 * What others wrote into a domain's `<metadata>`: Drover's labels, the traces of managers that own
 * the domain, and the note that Drover leaves there during a move.
 */

import { z } from 'zod';

import { attribute, escapeXml, many, readDocument } from './document.ts';

/** Operators label guests with elements of this namespace. */
export const LABELS_NAMESPACE = 'urn:drover:labels:1';
/** Drover's own note during a move. */
export const MOVE_NAMESPACE = 'urn:drover:move:1';

export interface Metadata {
  readonly labels: Readonly<Record<string, string>>;
  /** The automation whose traces the domain carries. */
  readonly managedBy: string | undefined;
}

/** Namespaces by which managers mark the domains that they own. */
const MANAGERS: readonly (readonly [RegExp, string])[] = [
  [/^http:\/\/openstack\.org\/xmlns\/libvirt\/nova\//, 'openstack'],
  [/^http:\/\/ovirt\.org\/vm\//, 'ovirt'],
  [/^http:\/\/kubevirt\.io/, 'kubevirt'],
  [/^http:\/\/opennebula\.org\/xmlns\/libvirt\//, 'opennebula'],
];

const element = z.record(z.string(), z.unknown());
const label = z.object({ '@name': z.string(), '@value': z.string() });

/** `content` is the parsed `<metadata>`: lists of elements by their prefixed name. */
export function readMetadata(content: Readonly<Record<string, unknown>>): Metadata {
  const labels = new Map<string, string>();
  let managedBy: string | undefined;
  for (const [name, list] of Object.entries(content)) {
    for (const item of z.array(element).catch([]).parse(list)) {
      const namespace = namespaceOf(name, item);
      if (namespace === LABELS_NAMESPACE) {
        for (const [label, value] of labelsOf(name, item)) labels.set(label, value);
      }
      managedBy ??= MANAGERS.find(([pattern]) => pattern.test(namespace))?.[1];
    }
  }
  return { labels: Object.fromEntries(labels), managedBy };
}

function prefixOf(name: string): string | undefined {
  return name.includes(':') ? name.split(':', 1)[0] : undefined;
}

/** libvirt declares each element's namespace at the element itself. */
function namespaceOf(name: string, item: Readonly<Record<string, unknown>>): string {
  const prefix = prefixOf(name);
  const value = item[prefix === undefined ? '@xmlns' : `@xmlns:${prefix}`];
  return typeof value === 'string' ? value : '';
}

function labelsOf(name: string, item: Readonly<Record<string, unknown>>): [string, string][] {
  const prefix = prefixOf(name);
  const tag = prefix === undefined ? 'label' : `${prefix}:label`;
  const found = many(label).catch([]).parse(item[tag]);
  return found.map((one) => [one['@name'], one['@value']]);
}

/**
 * What Drover has to remember about a guest while it moves it, in the guest's own definition: it
 * travels with the guest, so whoever finishes the move finds it, also after a crash of Drover.
 */
export interface MoveNote {
  readonly move: string;
  readonly to: string;
  /** The host started it at boot, and its new host has to. */
  readonly autostart: boolean;
  /** A cold move was about to ask the guest to shut down, or did. Without it, others did. */
  readonly askedOff: boolean;
  /**
   * When, in seconds since 1970 by the wall clock: whoever waits for it may be another process, on
   * another machine, which no other clock goes on in. Absent: not asked, or nobody knows when.
   */
  readonly askedAt?: number | undefined;
  /**
   * How far a cold move has come on its target, noted before each step: of a guest that was to be
   * started there nobody knows whether it has run. Absent: nobody knows anything.
   */
  readonly target?: TargetMark | undefined;
  /** With `started`: libvirt has said so. Without it only that it was about to be asked. */
  readonly hasRun?: true | undefined;
  /** Volumes that were made for it, or were about to be. */
  readonly copies: readonly NotedCopy[];
}

const TARGET_MARKS = ['untouched', 'defined', 'started'] as const;
type TargetMark = (typeof TARGET_MARKS)[number];

/** A volume of a target that a disk is copied to: Drover's to remove, should the move fail. */
export interface NotedCopy {
  readonly host: string;
  readonly pool: string;
  readonly name: string;
  /** The disk, and where the source's document has it ({@link Relocation}). */
  readonly dev: string;
  readonly from: string;
  readonly path: string;
  /** Noted by a move before this one: left by it, unless its guest has it for a disk. */
  readonly earlier?: true | undefined;
}

export function writeMoveNote(note: MoveNote): string {
  const { copies, askedAt, target } = note;
  const ends = attributes({
    id: note.move,
    to: note.to,
    autostart: note.autostart ? 'yes' : 'no',
    off: note.askedOff ? 'asked' : undefined,
    asked: note.askedOff ? askedAt?.toString() : undefined,
    target,
    ran: note.hasRun && 'yes',
  });
  if (copies.length === 0) return `<move${ends}/>`;
  return `<move${ends}>${copies.map((copy) => `<copy${attributesOf(copy)}/>`).join('')}</move>`;
}

function attributesOf({ earlier, ...place }: NotedCopy): string {
  return attributes({ ...place, of: earlier && 'earlier' });
}

/** Of those that there are. */
function attributes(values: Readonly<Record<string, string | undefined>>): string {
  const list = Object.entries(values).map(([name, value]) =>
    value === undefined ? '' : ` ${name}='${escapeXml(value)}'`,
  );
  return list.join('');
}

const copy = z
  .object({
    '@host': z.string(),
    '@pool': z.string(),
    '@name': z.string(),
    '@dev': z.string(),
    '@from': z.string(),
    '@path': z.string(),
    '@of': attribute,
  })
  .transform(
    (at): NotedCopy => ({
      host: at['@host'],
      pool: at['@pool'],
      name: at['@name'],
      dev: at['@dev'],
      from: at['@from'],
      path: at['@path'],
      earlier: at['@of'] === 'earlier' || undefined,
    }),
  );
const note = z
  .object({
    '@id': z.string(),
    '@to': z.string(),
    '@autostart': z.string(),
    '@off': attribute,
    '@asked': attribute,
    '@target': attribute,
    '@ran': attribute,
  })
  .catchall(z.unknown());
const noteDocument = z.record(z.string(), z.array(note));

/** Reads what {@link writeMoveNote} wrote, as libvirt gives it back: under some prefix. */
export function readMoveNote(xml: string): MoveNote | undefined {
  const [entry] = Object.entries(readDocument('move note', xml, noteDocument));
  const found = entry?.[1].at(0);
  if (entry === undefined || found === undefined) return undefined;
  const prefix = prefixOf(entry[0]);
  const copies = found[prefix === undefined ? 'copy' : `${prefix}:copy`] ?? found['copy'];
  return {
    move: found['@id'],
    to: found['@to'],
    autostart: found['@autostart'] === 'yes',
    askedOff: found['@off'] === 'asked',
    askedAt: secondsIn(found['@asked']),
    target: TARGET_MARKS.find((mark) => mark === found['@target']),
    hasRun: found['@ran'] === 'yes' || undefined,
    copies: z.array(copy).default([]).parse(copies),
  };
}

function secondsIn(text: string | undefined): number | undefined {
  const value = Number.parseFloat(text ?? '');
  return Number.isFinite(value) ? value : undefined;
}
