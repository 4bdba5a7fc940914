/**
 * Placement rules in the search's terms. A rule answers one question ("may this VM go there now?")
 * and is told of every move and of every move taken back.
 *
 * `always` rules are judged against everybody who is there or may be on the way (gross counts);
 * `finally` rules, and questions that may rely on earlier moves, against the end (net counts).
 * A host without the rule's fault domain is refused as a target, and a member that stands on one
 * counts as being beside everybody: unknown is never apart.
 */

import { type RuleId, compareText } from '../domain/ids.ts';
import { own } from '../domain/own.ts';
import type { PlacementRule } from '../domain/placement.ts';
import { assertNever } from '../domain/result.ts';
import { AFFINITY, ANTI_AFFINITY, AVOID, PIN } from './codes.ts';
import type { Model } from './model.ts';

/** How a question is meant: as things may be at any moment, or after all moves so far ended. */
export type Outlook = 'any-moment' | 'in-the-end';

export interface CompiledRule {
  readonly id: RuleId;
  readonly rule: PlacementRule;
  readonly code: number;
  /** Dense indexes of the members that exist, ascending. */
  readonly members: readonly number[];
  /** Whether the VM, which is on `from`, is kept from going to `to`. */
  forbids(from: number, to: number, outlook: Outlook): boolean;
  /** Whether the hosts are one place to the rule: the same host, or of one fault domain. */
  sameDomain(a: number, b: number): boolean;
  /** Whether two members that are to be apart may not be on these two hosts. */
  collides(a: number, b: number): boolean;
  /** Tells that a member goes from `from` to `to` (sign 1), or that this is taken back (-1). */
  count(from: number, to: number, sign: 1 | -1): void;
  /** How many members stand where the rule does not want them, in the end. */
  broken(at: Int32Array): number;
}

export interface RuleSet {
  readonly hard: readonly CompiledRule[];
  readonly soft: readonly CompiledRule[];
  /** Per VM: its rules; undefined for the many that have none. */
  readonly hardOf: readonly (readonly CompiledRule[] | undefined)[];
  readonly softOf: readonly (readonly CompiledRule[] | undefined)[];
}

/** Fault domains as numbers, per host; -1 where the host has none of the kind. */
interface Domains {
  readonly of: Int32Array;
  readonly count: number;
}

export function compileRules(model: Model, placement: readonly PlacementRule[]): RuleSet {
  const domains = new Map<string, Domains>();
  const sorted = [...placement].sort((a, b) => compareText(a.id, b.id));
  const hard: CompiledRule[] = [];
  const soft: CompiledRule[] = [];
  const hardOf: (CompiledRule[] | undefined)[] = Array.from({ length: model.vms.length });
  const softOf: (CompiledRule[] | undefined)[] = Array.from({ length: model.vms.length });
  for (const rule of sorted) {
    const compiled = compile(model, rule, domains);
    const isHard = rule.strength === 'hard';
    (isHard ? hard : soft).push(compiled);
    for (const v of compiled.members) ((isHard ? hardOf : softOf)[v] ??= []).push(compiled);
  }
  return { hard, soft, hardOf, softOf };
}

function compile(model: Model, rule: PlacementRule, domains: Map<string, Domains>): CompiledRule {
  const present = [...new Set(rule.vms)].map((id) => model.vmIndex.get(id) ?? -1);
  const members = present.filter((v) => v >= 0 && (model.home[v] ?? -1) >= 0);
  members.sort((a, b) => a - b);
  switch (rule.kind) {
    case 'anti-affinity':
    case 'affinity': {
      const apart = rule.kind === 'anti-affinity';
      const counts = countMembers(model, members, domainsOf(model, rule.over, domains), apart);
      return domainRule(rule, members, counts);
    }
    case 'pin':
      return hostRule(model, rule, members, { named: true, code: PIN });
    case 'avoid':
      return hostRule(model, rule, members, { named: false, code: AVOID });
    default:
      return assertNever(rule, 'placement rule');
  }
}

/** pin (only the named hosts) and avoid (all but the named hosts). */
function hostRule(
  model: Model,
  rule: PlacementRule & { readonly kind: 'pin' | 'avoid' },
  members: readonly number[],
  { named, code }: { readonly named: boolean; readonly code: number },
): CompiledRule {
  const ids = new Set(rule.hosts);
  const allowed = Uint8Array.from(model.hosts, (host) => (ids.has(host.id) === named ? 1 : 0));
  return {
    id: rule.id,
    rule,
    code,
    members,
    forbids: (_from, to) => allowed[to] === 0,
    sameDomain: (a, b) => a === b,
    collides: () => false,
    count: () => undefined,
    broken: (at) => members.filter((v) => allowed[at[v] ?? -1] === 0).length,
  };
}

interface Counts {
  readonly domainOf: Int32Array;
  /** Members per domain at any moment, and in the end; the last place: of no known domain. */
  readonly gross: Int32Array;
  readonly net: Int32Array;
  /** A member is in flight, or about to be: where it ends up is not certain yet. */
  readonly unsettled: boolean;
}

function domainRule(
  rule: PlacementRule & { readonly kind: 'affinity' | 'anti-affinity' },
  members: readonly number[],
  counts: Counts,
): CompiledRule {
  const { domainOf, gross, net } = counts;
  const apart = rule.kind === 'anti-affinity';
  const forbids = apart ? keepsApart : keepsTogether;
  return {
    id: rule.id,
    rule,
    code: apart ? ANTI_AFFINITY : AFFINITY,
    members,
    forbids: (from, to, outlook) =>
      forbids(counts, members.length, {
        from,
        to,
        finally: rule.hold === 'finally',
        net: rule.hold === 'finally' || outlook === 'in-the-end',
      }),
    sameDomain: (a, b) => (domainOf[a] ?? -1) >= 0 && domainOf[a] === domainOf[b],
    collides(a, b) {
      const [first, second] = [domainOf[a] ?? -1, domainOf[b] ?? -1];
      return apart && (first < 0 || second < 0 || first === second);
    },
    count(from, to, sign) {
      const source = domainOf[from] ?? -1;
      const target = domainOf[to] ?? -1;
      shift(net, source, -sign);
      shift(net, target, sign);
      shift(gross, target, sign);
    },
    broken(at) {
      const found = new Int32Array(net.length);
      for (const v of members) {
        const domain = domainOf[at[v] ?? -1] ?? -1;
        if (domain >= 0) found[domain] = (found[domain] ?? 0) + 1;
      }
      const crowded = found.reduce((sum, n) => sum + Math.max(0, n - 1), 0);
      return apart ? crowded : members.length - Math.max(0, ...found);
    },
  };
}

/** The domains of one kind, made once for all rules over it. */
function domainsOf(model: Model, over: string, made: Map<string, Domains>): Domains {
  const known = made.get(over);
  if (known !== undefined) return known;
  const names = new Map<string, number>();
  const of = Int32Array.from(model.hosts, (host) => {
    const name = over === 'host' ? host.id : own(host.faultDomains, over);
    if (name === undefined) return -1;
    const number = names.get(name) ?? names.size;
    names.set(name, number);
    return number;
  });
  const domains = { of, count: names.size };
  made.set(over, domains);
  return domains;
}

/**
 * A member in flight, or about to be, stands on both hosts: no move of the plan can wait for its
 * arrival. To members that are to be together it is company on its host only.
 */
function countMembers(
  model: Model,
  members: readonly number[],
  domains: Domains,
  apart: boolean,
): Counts {
  const domainOf = domains.of;
  let unsettled = false;
  const gross = new Int32Array(domains.count + 1);
  const net = new Int32Array(domains.count + 1);
  for (const v of members) {
    const there = domainOf[model.home[v] ?? -1] ?? -1;
    shift(gross, there, 1);
    shift(net, there, 1);
    const other = model.alsoAt[v] ?? -1;
    if (other < 0 || domainOf[other] === there) continue;
    unsettled = true;
    shift(gross, domainOf[other] ?? -1, 1);
    if (apart) shift(net, domainOf[other] ?? -1, 1);
  }
  return { domainOf, gross, net, unsettled };
}

/** Members without a domain are counted in the last place. */
function shift(counts: Int32Array, domain: number, by: number): void {
  const at = domain < 0 ? counts.length - 1 : domain;
  counts[at] = (counts[at] ?? 0) + by;
}

interface Question {
  readonly from: number;
  readonly to: number;
  /** The rule has to hold in the end only. */
  readonly finally: boolean;
  /** To be answered by where everybody ends up. */
  readonly net: boolean;
}

function keepsApart(counts: Counts, _size: number, { from, to, net }: Question): boolean {
  const target = counts.domainOf[to] ?? -1;
  if (target < 0) return true;
  const source = counts.domainOf[from] ?? -1;
  const itself = source < 0 || source === target ? 1 : 0;
  const count = net ? counts.net : counts.gross;
  return (count[target] ?? 0) + (count.at(-1) ?? 0) - itself > 0;
}

/**
 * A rule that holds may not be broken: all the others have to be in the target's domain. One that
 * is broken already may not get worse: in the end the target needs as many of the others as the
 * source has; at every moment (or while a member is in flight) it needs more, for the VM is in
 * both places while it moves.
 */
function keepsTogether(counts: Counts, size: number, question: Question): boolean {
  const { from, to } = question;
  const target = counts.domainOf[to] ?? -1;
  const source = counts.domainOf[from] ?? -1;
  if (target < 0) return true;
  if (target === source) return false;
  // Of no known domain (-1) counts as one place: the last.
  const here = (counts.net.at(source) ?? 0) - 1;
  const there = counts.net[target] ?? 0;
  const holds = here === size - 1;
  if (holds) return size > 1;
  if (question.finally && !counts.unsettled) return there < here;
  const onTheWay = (counts.gross[target] ?? 0) !== there;
  return onTheWay || there <= here;
}
