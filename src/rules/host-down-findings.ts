/**
 * Failed hosts → findings. Of one that is only unreachable, and was never dead, the policy's own
 * rule speaks (host-unreachable in the shipped one): nothing can be done about it here. One that
 * may be dead takes nothing in; the VMs of one that is dead are started elsewhere, where the policy
 * says so, and where they are not, the finding says why and what to do.
 */

import type { Evidence, Finding } from '../domain/finding.ts';
import { type HostFailure, isHeldOut, signsText } from '../domain/host-failure.ts';
import type { Host } from '../domain/host.ts';
import { guestsOf } from '../domain/snapshot-index.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { makeFindingId } from './finding-id.ts';

export function hostDownFindings(snapshot: Snapshot): readonly Finding[] {
  return snapshot.hosts.flatMap((host) => {
    const { failure } = host;
    if (failure === undefined || !isHeldOut(failure)) return [];
    const guests = guestsOf(snapshot, host.id).filter(({ powerState }) => powerState !== 'off');
    return [findingOf(host, failure, guests.length)];
  });
}

function findingOf(host: Host, failure: HostFailure, guests: number): Finding {
  const isRestart = failure.state === 'dead' && failure.noRestart === undefined && guests > 0;
  return {
    id: makeFindingId('host-down', host.id, failure.state),
    kind: 'host-down',
    response: isRestart ? 'restart' : 'quarantine',
    tier: 'mandatory',
    subject: { kind: 'host', host: host.id },
    trigger: { kind: 'rule', policy: 'hostFailure', rule: failure.state },
    since: failure.since,
    evidence: evidenceOf(failure),
    text: `host ${host.name}: ${stateText(failure, guests)}`,
    relieveBelow: undefined,
    deadline: undefined,
  };
}

function evidenceOf({ signs }: HostFailure): readonly Evidence[] {
  return signs
    .filter(({ verdict }) => verdict !== 'unknown')
    .map(({ kind, verdict }) => {
      return { fact: `host.sign.${kind}`, operator: 'equal', threshold: 'silent', value: verdict };
    });
}

function stateText(failure: HostFailure, guests: number): string {
  const { state, signs, powerOff, noRestart = '' } = failure;
  const vms = guests === 1 ? '1 VM' : `${guests} VMs`;
  if (state === 'returned') return 'it was dead and answers again; it is held out until readmitted';
  const seen = signsText(signs);
  if (state === 'unreachable') return `it was dead and is held out until readmitted (${seen})`;
  const why = guests === 0 ? noRestart : `${vms} not restarted: ${noRestart}`;
  if (state !== 'dead') return `suspected dead (${seen}); ${why}`;
  const off = powerOff?.how === 'fenced' ? 'power cut by Drover' : 'power off';
  if (guests === 0) return `dead (${seen}; ${off})`;
  if (noRestart !== '') return `dead (${seen}; ${off}); ${why}`;
  return `dead (${seen}; ${off}): its VMs are started elsewhere`;
}
