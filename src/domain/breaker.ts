/**
 * Circuit breakers (Nygard, "Release It!", 2007): who failed again and again is left in peace for
 * a while, then tried with one move. Each is about one part of the fleet, so that nothing else is
 * held up by it.
 */

import type { HostId, SourceId, VmId } from './ids.ts';
import type { EpochSeconds } from './units.ts';

/** What a breaker is about; `vm` with a target: this VM and that host. */
export type BreakerSubject =
  | { readonly kind: 'vm'; readonly vm: VmId }
  | { readonly kind: 'pair'; readonly vm: VmId; readonly to: HostId }
  | { readonly kind: 'out'; readonly host: HostId }
  | { readonly kind: 'into'; readonly host: HostId }
  | { readonly kind: 'source'; readonly source: SourceId };

export interface Breaker {
  readonly subject: BreakerSubject;
  /** `open`: nothing passes; `half-open`: one move at a time, and its end decides. */
  readonly state: 'open' | 'half-open';
  /** In a row, >= 1. */
  readonly failures: number;
  readonly lastAt: EpochSeconds;
  /** When it is half-open. */
  readonly until: EpochSeconds;
  /** The target may hold a part of the VM: the last move left it there. */
  readonly remains?: true | undefined;
}

/** By which operators name it: `vm:web-1`, `vm:web-1:h2`, `out:h1`, `into:h2`, `source:lab`. */
export function breakerName(subject: BreakerSubject): string {
  switch (subject.kind) {
    case 'vm':
      return `vm:${subject.vm}`;
    case 'pair':
      return `vm:${subject.vm}:${subject.to}`;
    case 'out':
    case 'into':
      return `${subject.kind}:${subject.host}`;
    case 'source':
      return `source:${subject.source}`;
    default:
      return subject satisfies never;
  }
}

/** Without those of single VMs, which rest for a while and then go on. */
export function withoutResting<
  World extends { readonly breakers?: readonly Breaker[] | undefined },
>(world: World): World {
  const breakers = world.breakers?.filter(({ subject }) => subject.kind !== 'vm');
  return breakers === undefined ? world : { ...world, breakers };
}

/** For people, with ids: what does not pass and until when. */
export function breakerText({ subject, state, failures, until, remains }: Breaker): string {
  const times = failures === 1 ? 'its last move' : `the last ${failures} moves`;
  const then = new Date(until * 1000).toISOString().slice(0, 19);
  const next = state === 'half-open' ? 'one move is tried' : `nothing until ${then}Z`;
  const left = remains === true ? ' and may have left remains there' : '';
  // Of a VM those count, too, that somebody cancelled or a look before the start spoke against.
  const ended = subject.kind === 'vm' ? 'came to nothing' : 'failed';
  return `${SUBJECTS[subject.kind]} ${idOf(subject)}: ${times} ${ended}${left}; ${next}`;
}

const SUBJECTS: Readonly<Record<BreakerSubject['kind'], string>> = {
  vm: 'moves of',
  pair: 'moves of',
  out: 'moves away from',
  into: 'moves to',
  source: 'moves by',
};

function idOf(subject: BreakerSubject): string {
  switch (subject.kind) {
    case 'vm':
      return subject.vm;
    case 'pair':
      return `${subject.vm} to ${subject.to}`;
    case 'out':
    case 'into':
      return subject.host;
    case 'source':
      return subject.source;
    default:
      return subject satisfies never;
  }
}
