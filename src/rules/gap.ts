/** What could not be judged, and for want of what: data for the report, never an exception. */

import { compareText, type HostId } from '../domain/ids.ts';

export interface Gap {
  readonly host: HostId;
  /** Which rule, order or placement rule. */
  readonly rule: string;
  readonly fact: string;
  /** A MissingReason where a metric is missing, with what is, or a few words. */
  readonly reason: string;
}

export function compareGaps(a: Gap, b: Gap): number {
  return compareText(a.host, b.host) || compareText(a.rule, b.rule) || compareText(a.fact, b.fact);
}
