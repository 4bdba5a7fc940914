/** Guests that are on a host and stand for no VM of the snapshot (Host.unlistedGuests). */

import type { Host } from './host.ts';
import { compareText } from './ids.ts';
import { listed } from './listed.ts';
import type { Vm } from './vm.ts';

/** The host, with these beside those that it has already. */
export function withUnlisted<Facts extends Pick<Host, 'unlistedGuests'>>(
  host: Facts,
  guests: readonly string[] = [],
): Facts {
  if (guests.length === 0) return host;
  const all = new Set([...(host.unlistedGuests ?? []), ...guests]);
  return { ...host, unlistedGuests: [...all].sort(compareText) };
}

/**
 * Why the host cannot be emptied by moves, and what to do, for people; undefined: there are none.
 * @param vms of the snapshot
 */
export function unlistedText(
  { id, name, unlistedGuests = [] }: Pick<Host, 'id' | 'name' | 'unlistedGuests'>,
  vms: readonly Vm[],
): string | undefined {
  if (unlistedGuests.length === 0) return undefined;
  const elsewhere = new Set(vms.filter(({ host }) => host !== id).map((vm) => vm.name));
  const doubled = unlistedGuests.filter((guest) => elsewhere.has(guest));
  const unread = unlistedGuests.filter((guest) => !elsewhere.has(guest));
  const guests = (names: readonly string[]): string =>
    `guest${names.length === 1 ? '' : 's'} ${listed(names)} on host ${name}`;
  const them = unread.length === 1 ? 'it' : 'them';
  const move = `shut ${them} down or move ${them} by hand`;
  return [
    ...(unread.length === 0 ? [] : [`${guests(unread)} cannot be read: ${move}`]),
    ...(doubled.length === 0 ? [] : [`${guests(doubled)}: on another, too; stop one of the two`]),
  ].join('; ');
}
