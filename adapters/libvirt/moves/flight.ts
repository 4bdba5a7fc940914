/**
 * What this process remembers of a move that it started: no more than that the call is under way,
 * or how it ended. Everything else is asked of the hosts, so that a move of a process that died is
 * followed in the same way.
 */

import type { CopyProgress } from '../disks/cold-copy.ts';
import type { CopyLines } from '../disks/copy-lines.ts';
import type { DiskCopy } from '../disks/disk-plan.ts';
import { adapterCodeOf, isUnanswered, messageOf } from '../native/errors.ts';
import { decline, DONE } from './answers.ts';
import { assertNever } from '../../../src/domain/result.ts';
import type { AdapterErrorCode, Attempt } from '../../../src/ports/metric-source.ts';
import type { MoveOrder } from '../../../src/ports/hypervisor.ts';

export type FlightEnd =
  | { readonly kind: 'arrived' }
  | { readonly kind: 'failed'; readonly code: AdapterErrorCode; readonly detail: string }
  /** The connection broke: only looking tells what became of it. */
  | { readonly kind: 'unanswered'; readonly code: AdapterErrorCode; readonly detail: string };

export class Flight {
  /** As ordered, and as steered since. */
  order: MoveOrder;
  end: FlightEnd | undefined;
  /** How long the guest was off, of a cold move. */
  offSeconds: number | undefined;
  /** Disks that a cold move takes along, and how far that is; undefined: not begun, or over. */
  copies: readonly DiskCopy[] = [];
  copying: CopyProgress | undefined;
  /** What they are copied over; undefined: there are none. */
  lines: CopyLines | undefined;
  /** For steps forward: the permission that the move began under. Never aborted. */
  allowed: { readonly signal?: AbortSignal } = {};
  /** The target of a cold move was told of the guest, or may have been. */
  isTargetTold = false;
  /** Why a cold move is to be broken off before its target is told; undefined: it is not. */
  stopped: string | undefined;

  constructor(order: MoveOrder) {
    this.order = order;
  }

  /** The same guest on the same way, and if that is over, the same order. */
  isFor(order: MoveOrder): boolean {
    const { move, vm, from, to } = this.order;
    const isSameWay = vm === order.vm && from === order.from && to === order.to;
    return isSameWay && (this.end === undefined || move === order.move);
  }
}

/** Resolves when the call is over; how it ended stands in the flight. */
export async function settle(flight: Flight, moving: Promise<unknown>): Promise<void> {
  try {
    await moving;
    flight.end = { kind: 'arrived' };
  } catch (error) {
    const kind =
      isUnanswered(error) && adapterCodeOf(error) !== 'unreachable' ? 'unanswered' : 'failed';
    flight.end = { kind, code: adapterCodeOf(error), detail: messageOf(error) };
  }
}

export function startedAs(end: FlightEnd): Attempt {
  switch (end.kind) {
    case 'arrived':
      return DONE;
    case 'failed':
    case 'unanswered':
      return decline(end.code, end.detail);
    default:
      return assertNever(end, 'end of a flight');
  }
}

/** Takes effect at the next piece; then the guest comes up where it was. */
export function stopCopying(flight: Flight, why: string): Attempt {
  if (flight.copying === undefined) {
    return decline('refused', 'a guest that was told to shut down cannot be told otherwise');
  }
  flight.stopped ??= why;
  return DONE;
}
