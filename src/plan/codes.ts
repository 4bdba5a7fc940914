/** Refusal codes as small numbers, so that the inner loops handle no text. 0 means: no refusal. */

import { REFUSAL_CODES, type RefusalCode } from '../domain/refusal.ts';

const NAMES = Object.keys(REFUSAL_CODES) as RefusalCode[]; // keys of the table, by construction
const NUMBERS = new Map(NAMES.map((name, index) => [name, index + 1]));

/** How many numbers there are, 0 included. */
export const CODE_COUNT = NAMES.length + 1;

/** The number of a code, from 1 on. */
export function codeNumber(code: RefusalCode): number {
  const number = NUMBERS.get(code);
  if (number === undefined) throw new RangeError(`not a refusal code: ${code}`);
  return number;
}

/** The code of a number from 1 on. */
export function codeName(number: number): RefusalCode {
  const name = NAMES[number - 1];
  if (name === undefined) throw new RangeError(`not the number of a refusal code: ${number}`);
  return name;
}

export const AFFINITY = codeNumber('affinity');
export const AMONG = codeNumber('among');
export const ANTI_AFFINITY = codeNumber('anti-affinity');
export const AVOID = codeNumber('avoid');
export const BREAKER = codeNumber('breaker');
export const BUDGET = codeNumber('budget');
export const COOL_DOWN = codeNumber('cool-down');
export const CPU = codeNumber('cpu');
export const DEPENDENCY = codeNumber('dependency');
export const DISCONNECTED = codeNumber('disconnected');
export const FAILOVER_RESERVE = codeNumber('failover-reserve');
export const HUGE_PAGES = codeNumber('huge-pages');
export const IN_FLIGHT = codeNumber('in-flight');
export const LICENSED = codeNumber('licensed');
export const LONELY = codeNumber('lonely');
export const MEMORY = codeNumber('memory');
export const NO_GAIN = codeNumber('no-gain');
export const OTHER_SOURCE = codeNumber('other-source');
export const OWN_VM = codeNumber('own-vm');
export const PIN = codeNumber('pin');
export const PLANNED_ALREADY = codeNumber('planned-already');
export const PRESERVE = codeNumber('preserve');
export const QUARANTINED = codeNumber('quarantined');
export const RESOURCE = codeNumber('resource');
export const RESOURCE_UNKNOWN = codeNumber('resource-unknown');
export const REVERSE_MOVE = codeNumber('reverse-move');
export const SAME_HOST = codeNumber('same-host');
export const SPARE = codeNumber('spare');
export const SPREAD = codeNumber('spread');
export const STALE_METRICS = codeNumber('stale-metrics');
export const STORAGE_SPACE = codeNumber('storage-space');
export const VCPUS = codeNumber('vcpus');
