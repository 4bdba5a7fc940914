/**
 * The mass-failure guard: when a large share of all hosts turns failing at about the same time,
 * the monitoring is the likelier culprit, and moving everything away from everywhere the greater
 * harm. It holds until enough of them are well again, or somebody orders by hand. A host that is
 * known to have died is none of them: what was said of it was right.
 */

import type { Finding } from '../domain/finding.ts';
import type { Host } from '../domain/host.ts';
import type { HostId } from '../domain/ids.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { EpochSeconds, Ratio } from '../domain/units.ts';

/** "At once": long enough for a poll, its hold time and the alerting's grouping to differ. */
const AT_ONCE_SECONDS = 600;

/** One host is never a mass, however small the fleet. */
const SMALLEST_MASS = 2;

/** The hosts that turned failing together, where they are more than `share` of all hosts. */
export function massFailure(
  findings: readonly Finding[],
  hosts: Snapshot['hosts'],
  share: Ratio,
): readonly HostId[] | undefined {
  const died = new Set(hosts.filter(hasDied).map(({ id }) => id));
  const failing = failingSince(findings).filter(({ host }) => !died.has(host));
  for (const { since } of failing) {
    const together = failing.filter(
      (other) => other.since >= since && other.since <= since + AT_ONCE_SECONDS,
    );
    if (together.length >= SMALLEST_MASS && together.length > share * hosts.length) {
      return together.map((entry) => entry.host);
    }
  }
  return undefined;
}

function hasDied({ failure }: Host): boolean {
  return failure?.state === 'dead' || failure?.state === 'returned';
}

/** Each host once, with the earliest moment at which a rule or an alert wanted it emptied. */
function failingSince(findings: readonly Finding[]): { host: HostId; since: EpochSeconds }[] {
  const first = new Map<HostId, EpochSeconds>();
  for (const finding of findings) {
    if (finding.subject.kind !== 'host' || !saysFailing(finding)) continue;
    const { host } = finding.subject;
    const since = first.get(host);
    if (since === undefined || finding.since < since) first.set(host, finding.since);
  }
  return [...first].map(([host, since]) => ({ host, since })).sort((a, b) => a.since - b.since);
}

/** A rule or an alert wants the host emptied because it fails; no person's plan. */
export function saysFailing(finding: Finding): boolean {
  // A host that is only suspect (`quarantine`) is no reason to leave guests on a dying one.
  if (finding.trigger.kind === 'operator' || finding.response !== 'evacuate') return false;
  return finding.kind === 'failing' || finding.trigger.kind === 'alert';
}
