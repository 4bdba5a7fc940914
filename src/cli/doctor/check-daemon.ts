/** What a daemon that runs says of itself. */

import type { SourceStatus } from '../../domain/measured.ts';
import type { LeaseView, StatusView } from '../../ports/api.ts';
import { type ClientOptions, makeClient } from '../client.ts';
import { CliError, type Io, messageOf } from '../io.ts';
import { NoDaemonError } from '../no-answer.ts';
import { type Finding, failed, good, warning } from './finding.ts';

/** @param isNeeded false: that none runs is no fault. One that does not answer well always is. */
export async function checkDaemon(
  io: Io,
  options: ClientOptions,
  isNeeded: boolean,
): Promise<readonly Finding[]> {
  try {
    const client = await makeClient(io, options);
    await client.get('/readyz');
    const status = await client.get<StatusView>('/api/v1/status');
    return [good('daemon', 'answers and is ready'), ...statusFaults(status)];
  } catch (error) {
    const judge = error instanceof NoDaemonError && !isNeeded ? warning : failed;
    const hint = error instanceof CliError ? { hint: error.hint } : {};
    return [{ ...judge('daemon', messageOf(error)), ...hint }];
  }
}

/** What keeps it from doing its work. */
export function statusFaults(view: StatusView): readonly Finding[] {
  const { sources, policyErrors, ledger, leases, rejectedPlan, paused, pausedBy } = view;
  const faults = [
    ...sources.filter(({ state }) => state !== 'up').map((source) => sourceFault(source)),
    ...policyErrors.map((error) => failed('policies', `refused edit: ${error}`)),
    ...leases.filter(({ steppedBack }) => steppedBack).map(leaseFault),
  ];
  if (!ledger.writable) faults.push(failed('ledger', `nothing is begun: ${ledger.detail}`));
  if (rejectedPlan !== null) faults.push(planFault(rejectedPlan));
  if (paused) faults.push({ ...warning('daemon', `paused by ${pausedBy}`), hint: 'drover resume' });
  return faults;
}

/** @param kind of a hypervisor connection; undefined: not known, or a metric store. */
export function sourceFault({ source, state, detail }: SourceStatus, kind?: string): Finding {
  const guide = kind === undefined ? '' : `; what it needs: adapters/${kind}/README.md`;
  const hint = `is its service up, its address right, and may this user connect?${guide}`;
  return { ...failed('source', `${source} is ${state}: ${detail}`), hint };
}

function leaseFault({ cluster }: LeaseView): Finding {
  const detail = `nothing is done in ${cluster}: the ledger is an older copy`;
  return { ...failed('lease', detail), hint: `drover lease confirm ${cluster}` };
}

function planFault({ id, faults }: NonNullable<StatusView['rejectedPlan']>): Finding {
  const head = `nothing of plan ${id} runs: Drover's own checker found faults in it`;
  const hint = 'please report it: drover snapshot save';
  return { ...failed('plan', [head, ...faults].join('\n')), hint };
}
