/**
 * Findings in the search's terms: which hosts have to be emptied, which have to get below what,
 * which rules are to be mended, who wants home. Closes the hosts that must take nothing in.
 */

import type { Finding } from '../domain/finding.ts';
import { TIERS } from '../domain/finding.ts';
import { compareText } from '../domain/ids.ts';
import { relievedFor, resourceOfFact } from '../domain/facts.ts';
import { assertNever } from '../domain/result.ts';
import { CPU_AT, MEMORY_AT, type Model } from './model.ts';
import type { RuleSet } from './rules.ts';
import type { CompiledRule } from './rules/rule.ts';

/** What one finding asks of a host; or what several ask for that are as urgent and of a kind. */
export interface Relief {
  readonly host: number;
  readonly resource: number;
  /** Load to get down to, in the resource's unit. */
  readonly below: number;
  readonly finding: Finding;
}

export interface Needs {
  /** Hosts to be emptied, the most urgent first. */
  readonly evacuations: readonly { readonly host: number; readonly finding: Finding }[];
  /** Dead hosts whose VMs are to be started elsewhere. */
  readonly restarts: readonly { readonly host: number; readonly finding: Finding }[];
  /**
   * Of one resource of a host the most urgent first, of those that are as urgent the one that asks
   * for most; what lesser findings ask for, if it is more, or if that one cannot be served, follows
   * as theirs.
   */
  readonly reliefs: readonly Relief[];
  readonly repairs: readonly { readonly rule: CompiledRule; readonly finding: Finding }[];
  /** The same for soft rules: where it is worth the moves. */
  readonly mends: readonly { readonly rule: CompiledRule; readonly finding: Finding }[];
  readonly returns: readonly {
    readonly vm: number;
    readonly to: number;
    readonly finding: Finding;
  }[];
  readonly levels: readonly Finding[];
  /** Hosts that may be emptied to save power, each with the finding that says so. */
  readonly underused: ReadonlyMap<number, Finding>;
  /** Findings that name what is not in the snapshot. */
  readonly open: readonly { readonly finding: Finding; readonly detail: string }[];
  /** Per host: 1 when the findings let nothing in. */
  readonly closed: Uint8Array;
}

/** Tier, then deadline, then id: the order in which findings are served. */
export function compareFindings(a: Finding, b: Finding): number {
  const tiers = TIERS.indexOf(a.tier) - TIERS.indexOf(b.tier);
  if (tiers !== 0) return tiers;
  const [first, second] = [a.deadline ?? Infinity, b.deadline ?? Infinity];
  if (first !== second) return first < second ? -1 : 1;
  return compareText(a.id, b.id);
}

export function readFindings(findings: readonly Finding[], model: Model, rules: RuleSet): Needs {
  const reader = new FindingReader(model, rules);
  for (const finding of [...findings].sort(compareFindings)) reader.read(finding);
  return reader.needs();
}

class FindingReader {
  readonly #model: Model;
  readonly #rules: RuleSet;
  readonly #evacuations = new Map<number, Finding>();
  readonly #restarts = new Map<number, Finding>();
  readonly #reliefs = new Map<string, Relief>();
  readonly #repairs = new Map<CompiledRule, Finding>();
  readonly #mends = new Map<CompiledRule, Finding>();
  readonly #returns: { vm: number; to: number; finding: Finding }[] = [];
  readonly #levels: Finding[] = [];
  readonly #underused = new Map<number, Finding>();
  readonly #open: { finding: Finding; detail: string }[] = [];
  readonly #closed: Uint8Array;

  constructor(model: Model, rules: RuleSet) {
    this.#model = model;
    this.#rules = rules;
    this.#closed = new Uint8Array(model.hosts.length);
  }

  needs(): Needs {
    const restarts = [...this.#restarts].map(([host, finding]) => ({ host, finding }));
    // Nothing leaves a dead host alive.
    const evacuations = [...this.#evacuations]
      .filter(([host]) => !this.#restarts.has(host))
      .map(([host, finding]) => ({ host, finding }));
    // A host that is emptied anyway needs no relief beside it.
    const reliefs = byUrgency(
      [...this.#reliefs.values()].filter(({ host }) => !this.#evacuations.has(host)),
    );
    const repairs = [...this.#repairs].map(([rule, finding]) => ({ rule, finding }));
    const mends = [...this.#mends].map(([rule, finding]) => ({ rule, finding }));
    return {
      evacuations,
      restarts,
      reliefs,
      repairs,
      mends,
      returns: this.#returns,
      levels: this.#levels,
      underused: this.#underused,
      open: this.#open,
      closed: this.#closed,
    };
  }

  read(finding: Finding): void {
    switch (finding.response) {
      case 'evacuate':
        return this.#evacuate(finding);
      case 'restart':
        return this.#restart(finding);
      case 'relieve':
        return this.#relieve(finding);
      case 'repair':
        return this.#repair(finding);
      case 'return':
        return this.#return(finding);
      case 'quarantine':
        return this.#quarantine(finding);
      case 'level':
        this.#levels.push(finding);
        return;
      case 'consolidate':
        return this.#consolidate(finding);
      case 'notify':
        return;
      default:
        return assertNever(finding.response, 'response');
    }
  }

  #host(finding: Finding): number {
    const { subject } = finding;
    const h = subject.kind === 'host' ? (this.#model.hostIndex.get(subject.host) ?? -1) : -1;
    if (h < 0) this.#open.push({ finding, detail: 'names no host of the snapshot' });
    return h;
  }

  #evacuate(finding: Finding): void {
    const h = this.#host(finding);
    if (h < 0) return;
    this.#closed[h] = 1;
    if (!this.#evacuations.has(h)) this.#evacuations.set(h, finding);
  }

  #restart(finding: Finding): void {
    const h = this.#host(finding);
    if (h < 0) return;
    this.#closed[h] = 1;
    if (!this.#restarts.has(h)) this.#restarts.set(h, finding);
  }

  #quarantine(finding: Finding): void {
    const h = this.#host(finding);
    if (h >= 0) this.#closed[h] = 1;
  }

  #relieve(finding: Finding): void {
    const host = this.#host(finding);
    if (host < 0) return;
    const { width, capacity, safety } = this.#model;
    for (const resource of reliefResources(finding, this.#model)) {
      const at = host * width + resource;
      const share = finding.relieveBelow ?? safety[at] ?? 1;
      this.#bringBelow({ host, resource, below: (capacity[at] ?? 0) * share, finding });
    }
  }

  #bringBelow({ host, resource, below, finding }: Relief): void {
    const key = `${host} ${resource} ${finding.tier} ${finding.response}`;
    const known = this.#reliefs.get(key);
    if (known !== undefined && known.below <= below) return;
    this.#reliefs.set(key, { host, resource, below, finding: known?.finding ?? finding });
  }

  /** About one host, or (the fleet's) about all. */
  #consolidate(finding: Finding): void {
    const isFleet = finding.subject.kind === 'fleet';
    const hosts = isFleet ? [...this.#model.hosts.keys()] : [this.#host(finding)];
    for (const h of hosts) if (h >= 0 && !this.#underused.has(h)) this.#underused.set(h, finding);
  }

  #repair(finding: Finding): void {
    const { subject, trigger } = finding;
    const about = this.#rules.hard.filter((rule) => {
      if (trigger.kind === 'placement') return rule.id === trigger.rule;
      if (subject.kind === 'vm') return rule.members.some((v) => this.#isVm(v, subject.vm));
      return subject.kind === 'fleet';
    });
    const soft = this.#rules.soft.filter(
      (rule) => trigger.kind === 'placement' && rule.id === trigger.rule,
    );
    if (about.length + soft.length === 0) {
      this.#open.push({ finding, detail: 'names no placement rule of the snapshot' });
    }
    for (const rule of soft) if (!this.#mends.has(rule)) this.#mends.set(rule, finding);
    for (const rule of about) {
      if (this.#repairs.has(rule)) continue;
      this.#repairs.set(rule, finding);
      for (const { host, resource, most } of rule.limits) {
        const load = this.#model.net[host * this.#model.width + resource] ?? 0;
        if (load > most) this.#bringBelow({ host, resource, below: most, finding });
      }
    }
  }

  #isVm(v: number, id: string): boolean {
    return this.#model.vms[v]?.id === id;
  }

  /** The subject is the VM, and an evidence with the fact `vm.home` names the host. */
  #return(finding: Finding): void {
    const { subject, evidence } = finding;
    const home = evidence.find(({ fact }) => fact === 'vm.home')?.value;
    const vm = subject.kind === 'vm' ? (this.#model.vmIndex.get(subject.vm) ?? -1) : -1;
    const to = this.#model.hosts.findIndex((host) => host.id === home);
    if (vm >= 0 && to >= 0) this.#returns.push({ vm, to, finding });
    else this.#open.push({ finding, detail: 'names no VM and home host of the snapshot' });
  }
}

function byUrgency(reliefs: readonly Relief[]): readonly Relief[] {
  const tierOf = ({ finding }: Relief): number => TIERS.indexOf(finding.tier);
  return alike(reliefs).flatMap((all) =>
    all.toSorted((a, b) => tierOf(a) - tierOf(b) || a.below - b.below),
  );
}

/**
 * What is asked of one resource of a host with the same urgency: the one that asks for most, with
 * which the others are served, then those that are served also where that one cannot be.
 */
export type Demand = readonly [most: Relief, ...less: readonly Relief[]];

/**
 * The most urgent demand on each resource of a host first, then what comes second of each, and so
 * on: what is urgent does not wait for what a lesser finding asks for.
 */
export function reliefStages(reliefs: readonly Relief[]): readonly (readonly Demand[])[] {
  const lists = alike(reliefs).map(demands);
  const stages = lists.reduce((most, { length }) => Math.max(most, length), 1);
  return Array.from({ length: stages }, (_none, stage) =>
    lists.flatMap((list) => list.slice(stage, stage + 1)),
  );
}

function demands(reliefs: readonly Relief[]): readonly Demand[] {
  const tiers = Map.groupBy(reliefs, ({ finding }) => finding.tier);
  return [...tiers.values()].flatMap(([most, ...less]): Demand[] =>
    most === undefined ? [] : [[most, ...less]],
  );
}

/** Those of the same resource of the same host. */
export function alike(reliefs: readonly Relief[]): readonly (readonly Relief[])[] {
  return [...Map.groupBy(reliefs, ({ host, resource }) => `${host} ${resource}`).values()];
}

/** The load that a host is to get below, as a share of what it has. */
export function shareOf({ host, resource, below }: Relief, { capacity, width }: Model): number {
  const all = capacity[host * width + resource] ?? 0;
  return all > 0 ? below / all : 0;
}

/**
 * The resources of the policy that the evidence names; of the others memory where it is about
 * memory, else CPU, and CPU where it names nothing at all.
 */
export function reliefResources(finding: Finding, model: Model): readonly number[] {
  const facts = finding.evidence.map(({ fact }) => fact);
  const ordinary = facts.filter((fact) => resourceOfFact(fact) === undefined);
  const names = new Set(facts.flatMap((fact) => resourceOfFact(fact) ?? []));
  const extras = model.extras.flatMap(({ name }, index) => {
    return names.has(name) ? [model.firstExtra + index] : [];
  });
  if (ordinary.length === 0 && extras.length > 0) return extras;
  return [relievedFor(ordinary) === 'memory' ? MEMORY_AT : CPU_AT, ...extras];
}
