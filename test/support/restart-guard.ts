// Role: what is known of dead hosts, as the host-failure room tells it, in the hands of a test.
import type { HostId } from '../../src/domain/ids.ts';
import type { RestartGuard } from '../../src/execute/restart-guard.ts';

export interface DeadHosts {
  readonly restarts: RestartGuard;
  /** Every note that was asked for, as "host vm", in order. */
  readonly notes: string[];
  /** Of whose power was asked, in order. */
  readonly asked: HostId[];
}

/** @param power what speaks against a dead host's being off, now; absent: nothing. */
export function deadHosts(dead: Set<HostId>, power: Map<HostId, string>): DeadHosts {
  const notes: string[] = [];
  const asked: HostId[] = [];
  const restarts: RestartGuard = {
    isDead: (host) => dead.has(host),
    objection: async (host) => {
      asked.push(host);
      return dead.has(host) ? power.get(host) : `${host} is not known dead`;
    },
    note: async (host, { vm }) => void notes.push(`${host} ${vm}`),
    leftOn: (vm) => [...dead].filter((host) => notes.includes(`${host} ${vm}`)),
  };
  return { restarts, notes, asked };
}
