/**
 * What others wrote into a domain's `<metadata>`: Drover's labels, the traces of managers that own
 * the domain, and the note that Drover leaves there during a move.
 */

import { z } from 'zod';

import { escapeXml, many, readDocument } from './document.ts';

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
}

export function writeMoveNote(note: MoveNote): string {
  const autostart = note.autostart ? 'yes' : 'no';
  const ends = `id='${escapeXml(note.move)}' to='${escapeXml(note.to)}'`;
  return `<move ${ends} autostart='${autostart}'/>`;
}

const note = z.object({ '@id': z.string(), '@to': z.string(), '@autostart': z.string() });
const noteDocument = z.record(z.string(), z.array(note));

/** Reads what {@link writeMoveNote} wrote, as libvirt gives it back: under some prefix. */
export function readMoveNote(xml: string): MoveNote | undefined {
  const [found] = Object.values(readDocument('move note', xml, noteDocument)).flat();
  if (found === undefined) return undefined;
  return { move: found['@id'], to: found['@to'], autostart: found['@autostart'] === 'yes' };
}
