/** Guests that are on a host and stand for no VM of the snapshot (Host.unlistedGuests). */

import type { Host } from './host.ts';
import { compareText } from './ids.ts';

/** The host, with these beside those that it has already. */
export function withUnlisted<Facts extends Pick<Host, 'unlistedGuests'>>(
  host: Facts,
  guests: readonly string[] = [],
): Facts {
  if (guests.length === 0) return host;
  const all = new Set([...(host.unlistedGuests ?? []), ...guests]);
  return { ...host, unlistedGuests: [...all].sort(compareText) };
}
