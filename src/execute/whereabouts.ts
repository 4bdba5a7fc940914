/**
 * Where a VM is, judged from what all hosts said when asked at one moment. This is what a move's
 * outcome is decided by; what a task or a job claims is a hint. Pure.
 */

import type { HostId } from '../domain/ids.ts';
import { assertNever } from '../domain/result.ts';
import type { Sighting } from '../ports/hypervisor.ts';

export type Whereabouts =
  /** Runs on the source, and nowhere else: no harm done, whatever went wrong. */
  | { readonly kind: 'source' }
  /** Runs on the target, and the source holds no copy that lives. */
  | { readonly kind: 'target' }
  /** Runs on the target and still needs the source (post-copy, or not yet released there). */
  | { readonly kind: 'arriving' }
  /** Runs on a third host: somebody else moved it. */
  | { readonly kind: 'elsewhere'; readonly host: HostId }
  /** Held, but not running: in the switchover, or stuck in it. */
  | { readonly kind: 'stopped' }
  /** Post-copy that broke in the middle. */
  | { readonly kind: 'broken' }
  /** Runs in two places: the worst there is. Nothing may be touched. */
  | { readonly kind: 'twice'; readonly hosts: readonly HostId[] }
  /** Every host answered, and none runs or holds it. */
  | { readonly kind: 'down' }
  /** A host that matters did not answer. */
  | { readonly kind: 'unknown'; readonly blind: readonly HostId[] };

export interface Looks {
  readonly sightings: readonly Sighting[];
  /** Hosts that did not answer: absence there proves nothing. */
  readonly blind: readonly HostId[];
}

export function whereabouts(looks: Looks, from: HostId, to: HostId): Whereabouts {
  const { sightings, blind } = looks;
  if (sightings.some((sighting) => sighting.state === 'post-copy-paused'))
    return { kind: 'broken' };
  const running = sightings.filter((one) => one.state === 'running' || one.state === 'post-copy');
  const hosts = [...new Set(running.map((sighting) => sighting.host))];
  if (hosts.length > 1) return { kind: 'twice', hosts };
  const [host] = hosts;
  if (host === undefined) return whenNowhere(looks);
  if (host === from) return { kind: 'source' };
  if (host !== to) return { kind: 'elsewhere', host };
  // That it runs on the target is seen; that it is gone from the source has to be seen, too.
  if (blind.includes(from)) return { kind: 'unknown', blind };
  const isLeft = sightings.every((sighting) => sighting.host !== from || isCold(sighting));
  const isWhole = running.every((sighting) => sighting.state === 'running');
  return isLeft && isWhole ? { kind: 'target' } : { kind: 'arriving' };
}

/**
 * The same for a guest that may have switched over. That it runs on its source proves nothing then
 * about a target that does not answer: the source may have crashed since, and have started what was
 * still defined on it.
 */
export function afterSwitchover(place: Whereabouts, looks: Looks, to: HostId): Whereabouts {
  if (place.kind !== 'source' || !looks.blind.includes(to)) return place;
  return { kind: 'unknown', blind: looks.blind };
}

function whenNowhere({ sightings, blind }: Looks): Whereabouts {
  if (blind.length > 0) return { kind: 'unknown', blind };
  // A state that the adapter could not tell counts as held: it must not be taken for absent.
  return sightings.every(isCold) ? { kind: 'down' } : { kind: 'stopped' };
}

/** A configuration without a guest. */
function isCold(sighting: Sighting): boolean {
  return sighting.state === 'defined';
}

/** For people. */
export function describeWhereabouts(place: Whereabouts): string {
  switch (place.kind) {
    case 'source':
      return 'it runs on its source';
    case 'target':
      return 'it runs on its target';
    case 'arriving':
      return 'it runs on its target and still needs its source';
    case 'elsewhere':
      return `it runs on ${place.host}`;
    case 'stopped':
      return 'it is held but runs nowhere';
    case 'broken':
      return 'its post-copy is broken off: part of its memory is on either side';
    case 'twice':
      return `it runs in more than one place: ${place.hosts.join(', ')}`;
    case 'down':
      return 'it runs nowhere';
    case 'unknown':
      return `hosts do not answer: ${place.blind.join(', ')}`;
    default:
      return assertNever(place, 'whereabouts');
  }
}
