/** Hosts as people name them: by id, or by a name that only one has. */

import { findNamed } from '../app/views.ts';
import type { HostView } from '../ports/api.ts';
import { CliError, EXIT } from './io.ts';

/** Throws CliError with all names that are of no one host; `consequence`: what follows from it. */
export function refuseUnknown(
  known: readonly HostView[],
  names: readonly string[],
  consequence = '',
): void {
  const unknown = names.filter((name) => findNamed(known, name) === undefined);
  if (unknown.length > 0) throw unknownHosts(unknown, consequence);
}

/** Throws CliError where it is none, or several. */
export function knownHost(known: readonly HostView[], name: string): HostView {
  const host = findNamed(known, name);
  if (host === undefined) throw unknownHosts([name], '');
  return host;
}

function unknownHosts(unknown: readonly string[], consequence: string): CliError {
  const names = unknown.map((name) => JSON.stringify(name)).join(', ');
  return new CliError(
    EXIT.usage,
    `no host has the id or (unique) name ${names}${consequence}`,
    'drover hosts lists what is known',
  );
}
