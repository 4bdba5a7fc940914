/** What the history says of a host that failed, and of each VM that was on it. */

import { type HostFailureRecord, signsText } from '../domain/host-failure.ts';
import type { Host } from '../domain/host.ts';
import type { HistoryEntry } from '../domain/journal.ts';
import { assertNever } from '../domain/result.ts';
import type { EpochSeconds } from '../domain/units.ts';
import type { Vm } from '../domain/vm.ts';

export function lineOf(
  host: Pick<Host, 'id' | 'name'>,
  record: HostFailureRecord,
  at: EpochSeconds,
): HistoryEntry {
  const about = { vm: undefined, host: host.id, from: undefined, move: undefined };
  const text = `${host.name}: ${stateText(record)}`;
  return { at, kind: record.state === 'returned' ? 'state' : 'error', ...about, text };
}

function stateText(record: HostFailureRecord): string {
  const signs = signsText(record.signs);
  const since = timeText(record.silentSince);
  switch (record.state) {
    case 'unreachable':
      return `unreachable since ${since}; its VMs may run (${signs})`;
    case 'suspected-dead':
      return `suspected dead, silent since ${since} (${signs})`;
    case 'dead':
      return `dead, silent since ${since} (${signs}); ${powerText(record)}`;
    case 'returned':
      return 'it was dead and answers again; held out until it is readmitted';
    default:
      return assertNever(record.state, 'state of a failed host');
  }
}

function powerText({ powerOff }: HostFailureRecord): string {
  if (powerOff === undefined) return 'power unknown';
  const how = powerOff.how === 'fenced' ? 'fenced by Drover' : 'found off';
  return `power ${how} at ${timeText(powerOff.at)}`;
}

/** Of a host that was dead and has power again, but does not answer; undefined: nothing to fear. */
export function powerBackText(
  host: Pick<Host, 'name'>,
  { restarted }: HostFailureRecord,
): string | undefined {
  if (restarted.length === 0) return undefined;
  const names = restarted.map(({ name }) => name).join(', ');
  const were = restarted.length === 1 ? 'was' : 'were';
  return (
    `${host.name} has its power back and does not answer: ${names} ${were} restarted elsewhere, ` +
    'and may be started there a second time'
  );
}

/** What a person does about a dead host in the fleet whose power is not known off any more. */
export const POWER_HINT = 'cut it, or mend its fencing device';

/** Of a dead host that no source reports any more: what a person has to do about it. */
export function goneText({ id, name }: Pick<Host, 'id' | 'name'>): string {
  return (
    `${name} is dead and not in the fleet any more: ` +
    `drover maintenance exit ${id} if it is gone for good`
  );
}

/** Somebody says that the host is gone for good. */
export function forgottenLine(
  host: Pick<Host, 'id' | 'name'>,
  { state, restarted }: HostFailureRecord,
  { at, by }: { readonly at: EpochSeconds; readonly by: string },
): HistoryEntry {
  const about = { vm: undefined, host: host.id, from: undefined, move: undefined };
  const names = restarted.map(({ name }) => name).join(', ');
  const holds = names === '' ? '' : `; it may still have defined: ${names}`;
  const text = `${host.name}: not in the fleet any more, and gone for good, says ${by}`;
  return { at, kind: 'state', ...about, text: `${text}; it was ${state}${holds}` };
}

/** One for each VM that was up. */
export function deathLines(
  host: Pick<Host, 'id' | 'name'>,
  guests: readonly Vm[],
  at: EpochSeconds,
): readonly HistoryEntry[] {
  return guests
    .filter(({ powerState }) => powerState !== 'off')
    .map((vm) => ({
      at,
      kind: 'error',
      vm: vm.id,
      host: host.id,
      from: undefined,
      move: undefined,
      text: `${vm.name}: down, its host ${host.name} is dead`,
    }));
}

function timeText(at: EpochSeconds): string {
  return new Date(at * 1000).toISOString();
}
