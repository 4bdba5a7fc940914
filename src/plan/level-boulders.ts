/**
 * VMs so large that their host cannot get level while they stay: alone they put it beyond the dead
 * band. Single moves leave them until last, as small VMs gain more for their memory, and then no
 * host has room for them any more; so it is also tried to move them first, the largest before the
 * others, as first-fit decreasing packs bins (D. S. Johnson, "Near-optimal bin packing algorithms",
 * 1973).
 */

import { DEAD_BAND, type Field, type Place } from './level-field.ts';
import { CPU_AT } from './model.ts';

interface Boulder {
  readonly vm: number;
  readonly from: number;
  /** CPU it needs, in threads. */
  readonly cpu: number;
}

/** Moves each, the largest first, to where it does best, if that pays; true: some were moved. */
export function moveBoulders(field: Field): boolean {
  const before = field.moves;
  for (const boulder of bouldersOf(field)) {
    const place = bestPlace(field, boulder);
    if (place !== undefined && field.moves < field.settings.mostMoves)
      field.move(place.vm, place.to);
  }
  return field.moves > before;
}

function bouldersOf(field: Field): readonly Boulder[] {
  const { width, need } = field.model;
  const found = field.hosts.flatMap((from) =>
    field.residents(from).flatMap((vm): Boulder[] => {
      const cpu = need[vm * width + CPU_AT] ?? 0;
      return field.offAlone(from, cpu) > DEAD_BAND ? [{ vm, from, cpu }] : [];
    }),
  );
  return found.sort((a, b) => b.cpu - a.cpu || a.vm - b.vm);
}

function bestPlace(field: Field, { vm, from, cpu }: Boulder): Place | undefined {
  let best: Place | undefined;
  let most = 0;
  for (const to of field.hosts) {
    // On a host that is too small for it, too, nothing would be won.
    if (to === from || field.offAlone(to, cpu) > DEAD_BAND) continue;
    const gain = field.gain(CPU_AT, cpu, from, to) - field.priceOf(vm, to);
    if (gain <= most || !field.mayGo(vm, to, 'any-moment')) continue;
    most = gain;
    best = { vm, to };
  }
  return best;
}
