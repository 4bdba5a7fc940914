/**
 * A question to a host that answers: does it reach another one, which does not? Its way there is
 * not Drover's own, so that a cut between Drover and a host is told apart from the host's death.
 */

import type { Host } from '../domain/host.ts';

/** `unknown`: the peer was not asked, was not reached itself, or could not tell. */
export type PeerAnswer =
  | { readonly kind: 'reaches' }
  | { readonly kind: 'does-not-reach' }
  | { readonly kind: 'unknown'; readonly detail: string };

export interface PeerProbe {
  /** How many hosts are asked about one at most, all at once; 2 or more. */
  readonly peers: number;

  /** Whether the host can be asked, and asked about. */
  covers(host: Pick<Host, 'id' | 'name'>): boolean;

  /** Asks `peer` whether it reaches `host`; changes nothing. Never rejects. */
  ask(
    peer: Pick<Host, 'id' | 'name'>,
    host: Pick<Host, 'id' | 'name'>,
    signal: AbortSignal,
  ): Promise<PeerAnswer>;
}
