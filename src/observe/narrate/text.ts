/** Figures, times and names as people read them. What is not a finite number reads `?`. */

import { GIB, KIB, MIB } from '../../domain/units.ts';
import { printable } from '../printable.ts';

const TIB = 1024 * GIB;
/** Longer names are cut in the middle: their ends tell VMs of a series apart. */
const LONGEST_NAME = 32;

/** `4.0 GiB`. */
export function sizeText(bytes: number): string {
  if (!Number.isFinite(bytes)) return '?';
  if (bytes >= TIB) return `${(bytes / TIB).toFixed(1)} TiB`;
  if (bytes >= GIB) return `${(bytes / GIB).toFixed(1)} GiB`;
  if (bytes >= MIB) return `${(bytes / MIB).toFixed(0)} MiB`;
  return `${(bytes / KIB).toFixed(0)} KiB`;
}

/** `42 ms`, `1.5 s`, `32 s`, `4 min 05 s`, `2 h 10 min`, `3 d 4 h`. */
export function durationText(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  if (seconds < 0.9995) return `${Math.round(seconds * 1_000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return parts(whole, 60, 'min', 's');
  const minutes = Math.round(whole / 60);
  if (minutes < 1_440) return parts(minutes, 60, 'h', 'min');
  return parts(Math.round(minutes / 60), 24, 'd', 'h');
}

function parts(total: number, base: number, big: string, small: string): string {
  const rest = total % base;
  const head = `${Math.floor(total / base)} ${big}`;
  return rest === 0 ? head : `${head} ${String(rest).padStart(2, '0')} ${small}`;
}

/** `52 %` of a share of 0..1. */
export function percentText(share: number): string {
  return Number.isFinite(share) ? `${Math.round(share * 100)} %` : '?';
}

/** `1 move`, `3 moves`. */
export function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Time of day, UTC. */
export function timeText(epochSeconds: number): string {
  return isoText(epochSeconds).slice(11, 19);
}

/** The day, UTC. */
export function dayText(epochSeconds: number): string {
  return isoText(epochSeconds).slice(0, 10);
}

function isoText(epochSeconds: number): string {
  const date = new Date(epochSeconds * 1_000);
  return Number.isNaN(date.getTime()) ? '????-??-??T??:??:??' : date.toISOString();
}

/** A name that fits a column and cannot move the cursor. */
export function nameText(name: string): string {
  const safe = printable(name);
  if (safe.length <= LONGEST_NAME) return safe;
  const half = Math.floor((LONGEST_NAME - 1) / 2);
  return `${safe.slice(0, half)}…${safe.slice(-half)}`;
}

/** `4 standard, 2 best-effort`: how many items fall under each key, in the order given. */
export function tallyText(keys: readonly string[], order: readonly string[]): string {
  const counts = order.map((key) => [key, keys.filter((each) => each === key).length] as const);
  return counts
    .filter(([, count]) => count > 0)
    .map(([key, count]) => `${count} ${key}`)
    .join(', ');
}
