/**
 * The links that a move shares with others, beside those of its two hosts: it leaves the source's
 * switch by its uplink and comes in by that of the target's. Each direction is a link of its own.
 */

import type { Host, Uplink } from './host.ts';

export interface SharedLink extends Uplink {
  /** One direction of it: a name that no other direction or uplink has. */
  readonly name: string;
}

/**
 * None within one switch. A host that names no uplink is taken to be behind another switch, one
 * that is never in the way.
 */
export function sharedLinks(
  from: Pick<Host, 'uplink'>,
  to: Pick<Host, 'uplink'>,
): readonly SharedLink[] {
  const [source, target] = [from.uplink, to.uplink];
  if (source?.id === target?.id) return [];
  const links: SharedLink[] = [];
  if (source !== undefined) links.push({ ...source, name: `out of ${source.id}` });
  if (target !== undefined) links.push({ ...target, name: `into ${target.id}` });
  return links;
}
