/** What the ladder has made of hosts since a snapshot was taken, put into it. */

import type { HostId } from '../domain/ids.ts';
import type { HostState } from '../domain/host.ts';
import type { Snapshot } from '../domain/snapshot.ts';

/** The snapshot with the hosts in these states; one that is not among them keeps its own. */
export function withStates(snapshot: Snapshot, states: ReadonlyMap<HostId, HostState>): Snapshot {
  const hosts = snapshot.hosts.map((host) => {
    const state = states.get(host.id) ?? host.state;
    return state === host.state ? host : { ...host, state };
  });
  return { ...snapshot, hosts };
}
