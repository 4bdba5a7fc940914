/** `why VM|HOST`: explanations made from the newest snapshot and plan, on demand. */

import type { HostId, VmId } from '../domain/ids.ts';
import type { GateVerdict, HistoryEntry } from '../domain/journal.ts';
import type { PolicySet } from '../domain/policy.ts';
import { REFUSAL_CODES } from '../domain/refusal.ts';
import { explainVm } from '../plan/explain.ts';
import type { WhyHostView, WhyVmView } from '../ports/api.ts';
import type { RuleMemory } from '../ports/ledger.ts';
import type { RuleBook } from '../rules/rule-book.ts';
import type { TickState } from './tick.ts';
import { hostViews, vmViews } from './views.ts';

export interface AskedVm {
  readonly vm: VmId;
  /** The host that is asked about; undefined: all but the VM's own. */
  readonly only?: HostId | undefined;
  /** Its move waits, as no place is free among the moves of all controllers. */
  readonly isWaiting?: boolean;
}

export function whyVm(
  state: TickState,
  policies: PolicySet,
  { vm, only, isWaiting = false }: AskedVm,
  history: readonly HistoryEntry[],
): WhyVmView {
  const view = vmViews(state.snapshot).find(({ id }) => id === vm);
  if (view === undefined) throw new Error(`VM ${vm} is not in the snapshot`);
  const { limits, migration, weights } = policies;
  const { snapshot, findings } = state;
  const request = { snapshot, findings, limits, migration, weights, seed: 0 };
  const hosts = snapshot.hosts.filter(({ id }) =>
    only === undefined ? id !== view.host : id === only,
  );
  const ids = hosts.map(({ id }) => id);
  const against = explainVm(request, vm, ids);
  return {
    vm: view,
    hosts: hosts.map(({ id, name }, i) => ({
      host: id,
      name,
      refusals: (against[i] ?? []).map(({ code, detail }) => ({
        code,
        detail,
        ...REFUSAL_CODES[code],
      })),
    })),
    planned: plannedMoves(state, vm, isWaiting),
    unresolved: openNeeds(state, vm),
    history,
  };
}

function plannedMoves(state: TickState, vm: VmId, isWaiting: boolean): WhyVmView['planned'] {
  const names = new Map(state.snapshot.hosts.map((host) => [host.id, host.name]));
  const moves = state.result?.plan.moves.filter((move) => move.vm === vm) ?? [];
  return moves.map((move) => {
    const verdict = state.verdicts.find((one) => one.move === move.id);
    const codes = verdict?.refusals.map((refusal) => refusal.code).join(', ') ?? '';
    return {
      to: names.get(move.to) ?? move.to,
      text: move.reason.text,
      terms: move.reason.terms,
      effects: move.reason.effects ?? [],
      gate: codes === '' ? gateText(verdict, isWaiting) : `refused: ${codes}`,
    };
  });
}

function gateText(verdict: GateVerdict | undefined, isWaiting: boolean): string {
  if (verdict?.verdict !== 'execute' || !isWaiting) return verdict?.verdict ?? 'not judged';
  return 'execute; waits for a place, as all controllers together have too many moves open';
}

/** @param memory of the rules, for how long they have held. */
export function whyHost(
  state: TickState,
  rules: RuleBook,
  memory: readonly RuleMemory[],
  id: HostId,
): Omit<WhyHostView, 'breakers'> {
  const { snapshot, findings, orders } = state;
  const host = hostViews(snapshot, findings).find((view) => view.id === id);
  if (host === undefined) throw new Error(`host ${id} is not in the snapshot`);
  const explained = rules.explainHost({ snapshot, orders, memory, host: id }) ?? [];
  return {
    host,
    rules: explained
      .filter(({ applies }) => applies)
      .map(({ policy, rule, truth, text }) => ({ policy, rule, truth, text })),
    findings: findings.filter(({ subject }) => subject.kind === 'host' && subject.host === id),
    unresolved: openNeeds(state, id),
  };
}

/** What the last plan left open about a host or VM, with the proof where there is one. */
function openNeeds(state: TickState, id: HostId | VmId): WhyHostView['unresolved'] {
  const open = state.result?.report.unresolved ?? [];
  return open
    .filter(({ subject }) => (subject.kind === 'host' ? subject.host : subject.vm) === id)
    .map(({ code, detail, proof }) => ({ code, detail, proof }));
}
