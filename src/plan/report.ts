/** What the planner says beside the plan: refusals, what stays open and why, plain notes. */

import type { Finding } from '../domain/finding.ts';
import type { Host } from '../domain/host.ts';
import type { Move, PlanReport, Proof, Unresolved } from '../domain/plan.ts';
import type { Refusal, RefusalCode } from '../domain/refusal.ts';
import { findContradictions } from './contradictions/contradictions.ts';
import { CODE_COUNT, codeName } from './codes.ts';
import { copyNotes } from './copy-notes.ts';
import type { Draft, Open } from './draft.ts';
import { refusalsOf } from './explain.ts';
import { FITS } from './judged.ts';
import { ListedPairs } from './listed-pairs.ts';
import { CPU_AT } from './model.ts';
import { resourceCode, resourceName } from './resource-words.ts';
import type { Relief } from './needs.ts';
import type { OrderedMove } from './order.ts';
import { Prover } from './proof.ts';
import type { Setting } from './setting.ts';
import { fillAfter } from './targets.ts';

/** Rejected targets that a move names. */
const REJECTED_SHOWN = 4;
/** VMs of a host that stays overloaded, for which the pairs are kept. */
const VMS_SHOWN = 3;
/** Open needs that are proven: so many, and fewer in large fleets, where each takes longer. */
const PROOFS = 12;
const PROVEN_PAIRS = 12_000;

export function makeReport(
  draft: Draft,
  setting: Setting,
  search: Pick<PlanReport['stats'], 'seed' | 'stepsGranted' | 'stepsUsed'>,
): PlanReport {
  const { model, state } = setting;
  const prover = new Prover(setting);
  const listed = new ListedPairs();
  const proofs = Math.min(PROOFS, Math.ceil(PROVEN_PAIRS / (VMS_SHOWN * model.hosts.length)));
  return {
    refusals: countRefusals(draft),
    unresolved: [
      ...unreadable(setting),
      ...draft.open.map((open, index) => {
        const proof = index < proofs ? proofOf(prover, setting, open) : undefined;
        return unresolved({ draft, setting, listed }, open, proof);
      }),
    ],
    // Rules stay what they are: nobody has to wait for them who is to be moved at once.
    contradictions: setting.request.isFirst === true ? undefined : findContradictions(setting),
    notes: notesOf(draft, setting),
    stats: {
      hosts: model.hosts.length,
      vms: model.vms.length,
      evaluatedMoves: state.evaluated,
      ...search,
    },
  };
}

/** Pairs by the code that refused them last. */
function countRefusals(draft: Draft): PlanReport['refusals'] {
  const counts = draft.state.judged.counts();
  const found: Partial<Record<RefusalCode, number>> = {};
  for (let code = 1; code < CODE_COUNT; code += 1) {
    const count = counts[code] ?? 0;
    if (count > 0) found[codeName(code)] = count;
  }
  return found;
}

/** The targets that were judged for a move and not taken: those that would do first. */
export function rejectedTargets(draft: Draft, { vm, from, to }: OrderedMove): Move['rejected'] {
  const { state } = draft;
  const considered: { h: number; code: number; fill: number }[] = [];
  for (const [h, code] of state.judged.of(vm)) {
    if (h === from || h === to) continue;
    const fill = code === FITS ? fillAfter(state, vm, h) : Infinity;
    // By fill, then by host; only the first few are ever wanted, of what may be thousands.
    let place = considered.length;
    while (place > 0 && fill < (considered[place - 1]?.fill ?? 0)) place -= 1;
    if (place >= REJECTED_SHOWN) continue;
    considered.splice(place, 0, { h, code, fill });
    if (considered.length > REJECTED_SHOWN) considered.pop();
  }
  return considered.flatMap(({ h, code }) => {
    const host = state.model.hosts[h];
    if (host === undefined) return [];
    return [{ host: host.id, code: code === FITS ? ('no-gain' as const) : codeName(code) }];
  });
}

function unreadable({ needs }: Setting): Unresolved[] {
  return needs.open.flatMap(({ finding, detail }) => {
    const { subject } = finding;
    if (subject.kind === 'fleet') return [];
    const code = 'world-moved-on';
    return [{ subject, finding: finding.id, code, detail, pairs: [] } as const];
  });
}

interface Ground {
  readonly draft: Draft;
  readonly setting: Setting;
  readonly listed: ListedPairs;
}

function unresolved(
  { draft, setting, listed }: Ground,
  open: Open,
  proof: Proof | undefined,
): Unresolved {
  const { model, state } = setting;
  const { terms } = open;
  const vms = open.vm === undefined ? dearestLeft(draft, open.host ?? -1) : [open.vm];
  const aim = targetsOf(setting, open);
  const pairs: Refusal[] = vms.flatMap((v) =>
    aim
      .filter((to) => to !== state.at[v])
      .flatMap((to) => refusalsOf(setting, { v, to, terms }).slice(0, 1)),
  );
  const vm = model.vms[open.vm ?? -1];
  const host = model.hosts[open.host ?? -1];
  return {
    subject: vm === undefined ? subjectHost(host) : { kind: 'vm', vm: vm.id },
    finding: open.finding.id,
    code: reasonOf(setting, open, proof, pairs),
    detail: `${open.finding.text}: ${vm?.name ?? host?.name ?? ''} ${open.detail}`,
    ...listed.of(pairs),
    ...(proof !== undefined && { proof }),
  };
}

/**
 * What the pairs say most often, if the proof names it; else what the proof says of most hosts: the
 * two never name different reasons. A proof without causes is one of sums, of a resource of which
 * all hosts have too little.
 */
// oxlint-disable-next-line max-params -- a need that is open, and all that is said of it
function reasonOf(
  { needs, model }: Setting,
  open: Open,
  proof: Proof | undefined,
  pairs: readonly Refusal[],
): RefusalCode {
  const usual = commonest(pairs);
  const [most] = proof?.causes.toSorted((a, b) => b.hosts.length - a.hosts.length) ?? [];
  if (most !== undefined) {
    return proof?.causes.some(({ code }) => code === usual) === true ? usual : most.code;
  }
  const relief = reliefOf(needs, open);
  const short = codeName(resourceCode(model, relief?.host ?? -1, relief?.resource ?? CPU_AT));
  const isShort = proof !== undefined && pairs.some(({ code }) => code === short);
  return isShort ? short : usual;
}

function reliefOf({ reliefs }: Setting['needs'], open: Open): Relief | undefined {
  return reliefs.find(
    ({ host, resource, finding }) =>
      host === open.host && resource === open.resource && finding === open.finding,
  );
}

function proofOf(prover: Prover, setting: Setting, open: Open): Proof | undefined {
  const { vm, terms, instead } = open;
  if (vm !== undefined) return prover.vm(vm, targetsOf(setting, open), terms, instead);
  const relief = reliefOf(setting.needs, open);
  return relief === undefined ? undefined : prover.host(relief.host, relief, terms);
}

/** A VM that does not come home was to go to one host only. */
function targetsOf({ model, state }: Setting, { finding, host, vm }: Open): readonly number[] {
  if (finding.response === 'return') return [host ?? -1];
  return [...model.hosts.keys()].filter((to) => vm === undefined || to !== state.at[vm]);
}

function subjectHost(host: Host | undefined): Unresolved['subject'] {
  if (host === undefined) throw new RangeError('an open need about no VM and no host');
  return { kind: 'host', host: host.id };
}

function dearestLeft(draft: Draft, host: number): readonly number[] {
  const { state } = draft;
  const left = draft.residents(host).filter((v) => state.at[v] === host);
  const load = (v: number): number => state.model.held[v * state.model.width] ?? 0;
  return left.toSorted((a, b) => load(b) - load(a) || a - b).slice(0, VMS_SHOWN);
}

function commonest(pairs: readonly Refusal[]): RefusalCode {
  const counts = new Map<RefusalCode, number>();
  for (const { code } of pairs) counts.set(code, (counts.get(code) ?? 0) + 1);
  const [first] = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return first?.[0] ?? 'no-gain';
}

function notesOf(draft: Draft, setting: Setting): string[] {
  const notes = [...draft.notes, ...copyNotes(setting)];
  for (const { finding, detail } of setting.needs.open) notes.push(`${finding.text}: ${detail}`);
  for (const relief of setting.needs.reliefs) notes.push(...alreadyBelow(setting, relief));
  if (draft.state.moves.length === 0) notes.push(nothingToDo(setting.request.findings, draft));
  return notes;
}

function alreadyBelow(setting: Setting, { host, resource, below, finding }: Relief): string[] {
  const { model } = setting;
  const load = model.net[host * model.width + resource] ?? 0;
  const capacity = model.capacity[host * model.width + resource] ?? 0;
  if (load > below * (1 + 1e-9) || capacity <= 0) return [];
  const what = resourceName(model, resource);
  const percent = (value: number): string => `${((100 * value) / capacity).toFixed(1)} %`;
  const name = model.hosts[host]?.name ?? '';
  const figures = `${percent(load)} ${what} by mean demand, not above ${percent(below)}`;
  return [`nothing to relieve on ${name}: ${figures} (${finding.text})`];
}

function nothingToDo(findings: readonly Finding[], draft: Draft): string {
  const asking = findings.filter(({ response }) => response !== 'notify');
  if (asking.length === 0) return 'nothing to do: no finding asks for a move';
  if (draft.open.length > 0) return 'no move is possible: see what is unresolved';
  return 'nothing to do: all findings are served as things stand';
}
