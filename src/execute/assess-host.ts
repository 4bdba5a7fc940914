/**
 * Dead or only unreachable? Pure: signs, what was known before, and the time give the next record.
 *
 * | the hypervisor | other signs                   | power    | the host is                       |
 * |----------------|-------------------------------|----------|-----------------------------------|
 * | answers        | any                           | any      | well, after CALM_SECONDS without  |
 * |                |                               |          | a break; `returned` if it was dead|
 * |                |                               |          | once and was not readmitted since |
 * | silent         | one says alive                | any      | unreachable                       |
 * | silent         | none says silent              | not off  | unreachable                       |
 * | silent         | one says silent, none alive   | not off  | suspected-dead, once that has     |
 * |                |                               |          | held for `suspectAfterSeconds`    |
 * | silent         | none alive                    | off, and | dead, once that has held as long  |
 * |                |                               | before   |                                   |
 * | silent         | none alive, and it is dead    | not on   | dead, until it is on at two looks |
 * |                |                               |          | in a row: then judged as above    |
 *
 * The adapter alone is one sign, and one sign is never enough. A sign of life outweighs any other,
 * the power's too: a device that says "off" of a host that answers is a device of another host.
 * Power that is found off, or on, has to be so at two looks in a row, by two answers of its device:
 * somebody may be cycling it. What nobody has followed has not lasted: after a gap between two
 * looks a silence begins anew.
 */

import type { HostFailureRecord, HostSign } from '../domain/host-failure.ts';
import type { HostId } from '../domain/ids.ts';
import type { EpochSeconds, Seconds } from '../domain/units.ts';
import type { PowerStatus } from '../ports/fencing.ts';

/** What its device answers of a host that has power. */
const POWER_ON: PowerStatus = 'on';
/** A host that comes and goes is not well: hysteresis, two ticks of the default schedule long. */
const CALM_SECONDS = 120;

export interface AssessmentInput {
  readonly host: HostId;
  readonly signs: readonly HostSign[];
  /** Undefined: nothing was wrong with it. */
  readonly before: HostFailureRecord | undefined;
  /** Whether `before` was found so lately that nothing can have been missed since. */
  readonly isFollowed: boolean;
  readonly suspectAfterSeconds: Seconds;
  readonly now: EpochSeconds;
}

/** The next record; undefined: nothing is wrong with the host. */
export function assessHost(input: AssessmentInput): HostFailureRecord | undefined {
  const { signs, before, now } = input;
  const adapter = signs.find(({ kind }) => kind === 'adapter')?.verdict ?? 'unknown';
  if (adapter === 'alive') return before === undefined ? undefined : answering(before, signs, now);
  // Its power was confirmed off: dead, until somebody gave it back. A device that cannot be asked
  // says nothing of the kind.
  if (before?.state === 'dead' && !isPoweredOn(input, before)) return { ...before, signs };
  // That nobody could tell proves nothing, and ends nothing.
  if (adapter === 'unknown' && before === undefined) return undefined;
  return silent(input);
}

/** A sign of life says so, too, whatever the device does. */
function isPoweredOn({ signs, isFollowed }: AssessmentInput, before: HostFailureRecord): boolean {
  return saysAlive(signs) || (isFollowed && isTwice(isPowerOn, signs, before.signs));
}

function answering(
  before: HostFailureRecord,
  signs: readonly HostSign[],
  now: EpochSeconds,
): HostFailureRecord | undefined {
  const answersSince = before.answersSince ?? now;
  const next = {
    ...before,
    signs,
    answersSince,
    confirmedSince: undefined,
    poweredOnAt: undefined,
  };
  if (before.state === 'returned') return next;
  if (wasOnceDead(before)) return { ...next, state: 'returned', since: now };
  return now - answersSince >= CALM_SECONDS ? undefined : next;
}

function silent(input: AssessmentInput): HostFailureRecord {
  const { host, signs, before, isFollowed, suspectAfterSeconds, now } = input;
  const others = signs.filter(({ kind }) => kind !== 'adapter');
  const isConfirmed = !saysAlive(signs) && others.some(({ verdict }) => verdict === 'silent');
  // A break in the silence, or in its confirmation, begins the time anew.
  const isFresh = before === undefined || before.answersSince !== undefined || !isFollowed;
  const silentSince = isFresh ? now : before.silentSince;
  const confirmedSince = isConfirmed
    ? ((isFresh ? undefined : before.confirmedSince) ?? now)
    : undefined;
  const isOff = !isFresh && isTwice(isPowerOff, signs, before.signs);
  const isHeld = confirmedSince !== undefined && now - confirmedSince >= suspectAfterSeconds;
  const state = isHeld ? (isOff ? 'dead' : 'suspected-dead') : 'unreachable';
  return {
    host,
    state,
    since: before?.state === state ? before.since : now,
    silentSince,
    confirmedSince,
    answersSince: undefined,
    signs,
    powerOff: state === 'dead' ? { at: now, how: 'found' } : undefined,
    restarted: before?.restarted ?? [],
    wasDead: wasOnceDead(before) ? true : undefined,
    poweredOnAt: state === 'dead' ? undefined : poweredOnAt(before, input),
  };
}

function poweredOnAt(
  before: HostFailureRecord | undefined,
  { isFollowed, now }: AssessmentInput,
): EpochSeconds | undefined {
  if (before?.state === 'dead') return now;
  // Between two looks far apart somebody may have cut its power and given it back once more.
  return before?.poweredOnAt === undefined || isFollowed ? before?.poweredOnAt : now;
}

/** Nothing that it says, or does not say, readmits it: what was left on it outlives a silence. */
function wasOnceDead(before: HostFailureRecord | undefined): boolean {
  if (before === undefined) return false;
  const { state, wasDead, restarted } = before;
  return wasDead === true || state === 'dead' || state === 'returned' || restarted.length > 0;
}

/** At two looks in a row, and not one answer at both: looks may be closer together than answers. */
function isTwice(
  isSo: (sign: HostSign) => boolean,
  signs: readonly HostSign[],
  before: readonly HostSign[],
): boolean {
  const [now, last] = [signs.find(isSo), before.find(isSo)];
  return now !== undefined && last !== undefined && (now.at === undefined || now.at !== last.at);
}

function isPowerOff({ kind, verdict }: HostSign): boolean {
  return kind === 'power' && verdict === 'silent';
}

/** Power says nothing about life, so its verdict is `unknown`; only the detail tells. */
function isPowerOn({ kind, verdict, detail }: HostSign): boolean {
  return kind === 'power' && verdict === 'unknown' && detail === POWER_ON;
}

function saysAlive(signs: readonly HostSign[]): boolean {
  return signs.some(({ verdict }) => verdict === 'alive');
}
