/**
 * What the guests of a host say that does not answer: one that answers at its own address runs, and
 * so does its host. Its network is not the management's, so this tells a host that is cut off from
 * a dead one where everything else goes by the network that is cut. That none answers proves
 * nothing: a guest may have been shut down, or its network be cut, too. Nor does a refusal:
 * firewalls send one for guests that are not there.
 */

import type { HostFailureRecord, HostSign } from '../domain/host-failure.ts';
import type { Host } from '../domain/host.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Seconds } from '../domain/units.ts';
import { mayRun, type Vm } from '../domain/vm.ts';
import type { Clock } from '../ports/clock.ts';
import type { GuestProbe } from '../ports/guest-probe.ts';
import { callWithin } from './call.ts';

/** Guests of one host that are asked, all at once. */
const MOST = 3;

export type AskedGuest = Pick<Vm, 'id' | 'name'>;

/** Of the fleet, what tells who is asked. */
interface GuestsInView extends Pick<Snapshot, 'inFlight'> {
  readonly vms: readonly (AskedGuest & Pick<Vm, 'host' | 'powerState'>)[];
}

export interface GuestSignParts {
  readonly clock: Clock;
  readonly probe: GuestProbe;
  readonly limit: Seconds;
}

/** Never rejects. */
export async function askGuests(
  host: Pick<Host, 'source'>,
  guests: readonly AskedGuest[],
  { clock, probe, limit }: GuestSignParts,
): Promise<HostSign> {
  const known = guests.filter((guest) => probe.covers(guest)).slice(0, MOST);
  const answers = await Promise.all(
    known.map((guest) =>
      callWithin(clock, limit, host.source, (signal) => probe.ask(guest, signal)).catch(
        () => 'silent' as const,
      ),
    ),
  );
  const alive = known.find((_, index) => answers[index] === 'answers');
  if (alive !== undefined) {
    return { kind: 'guests', verdict: 'alive', detail: `${alive.name} answers` };
  }
  const detail = known.length === 0 ? 'no guest to ask' : `${known.length} asked, none answers`;
  return { kind: 'guests', verdict: 'unknown', detail };
}

/** Those that can only run there: not one that is, or may be, started or moved elsewhere. */
export function guestsToAsk(
  { id }: Pick<Host, 'id'>,
  snapshot: GuestsInView | undefined,
  record: Pick<HostFailureRecord, 'restarted'> | undefined,
): readonly AskedGuest[] {
  const elsewhere = new Set([
    ...(record?.restarted ?? []).map(({ vm }) => vm),
    ...(snapshot?.inFlight ?? []).map(({ vm }) => vm),
  ]);
  const here = (snapshot?.vms ?? []).filter((vm) => vm.host === id && mayRun(vm));
  return here.filter((vm) => !elsewhere.has(vm.id));
}
