/** Which mode is in force where: one entry per cluster, hosts without one by source. */

import type { Mode, PolicySet } from '../domain/policy.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { modeOf } from '../execute/mode.ts';

export function modesOf(
  snapshot: Snapshot | undefined,
  policies: PolicySet,
): Readonly<Record<string, Mode>> {
  const modes = new Map(
    snapshot?.hosts.map((host) => {
      return [host.cluster ?? `source ${host.source}`, modeOf(host, policies)];
    }),
  );
  return Object.fromEntries(modes);
}
