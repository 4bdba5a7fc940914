/**
 * Snapshot + policies + orders → findings. Everything comes in as arguments and goes out as a
 * value, the hold times too; it is asynchronous only because the engine is. The order of the
 * findings, their ids and their texts depend on nothing but the arguments.
 *
 * Each rule is judged in three values first (condition.ts); only where it holds is the engine
 * asked, which gives the evidence. A missing fact therefore never fires a rule, under `not`
 * neither.
 */

import type { Evidence, Finding } from '../domain/finding.ts';
import type { Host } from '../domain/host.ts';
import { compareText, type HostId, hostId } from '../domain/ids.ts';
import type { Order } from '../domain/order.ts';
import type { Limits, PolicySet } from '../domain/policy.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import { inSlices, type Pause } from '../domain/slices.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { EpochSeconds, Seconds } from '../domain/units.ts';
import type { RuleMemory } from '../ports/ledger.ts';
import {
  appliesTo,
  type CompiledRule,
  compileRule,
  gapsOf,
  isMoot,
  isUnconfirmed,
  ruleFinding,
  type Verdict,
  verdictOf,
} from './compiled-rule.ts';
import { explainRule, type RuleExplanation } from './explain.ts';
import { compareGaps, type Gap } from './gap.ts';
import { type HoldState, NOT_HOLDING, step } from './hold.ts';
import { hostDownFindings } from './host-down-findings.ts';
import { factsOf, type FactLookup, hostWorlds, hostWorldsInSlices } from './host-facts.ts';
import { orderFindings } from './order-findings.ts';
import { breaches, breachFinding } from './placement-findings.ts';

export interface RuleInput {
  /** Classified: its placement rules are resolved. */
  readonly snapshot: Snapshot;
  readonly orders: readonly Order[];
  /** What the last evaluation returned. */
  readonly memory: readonly RuleMemory[];
  readonly now: EpochSeconds;
  /** How often this is done; absent: at no set times. */
  readonly everySeconds?: Seconds | undefined;
  /** Awaited every {@link HOSTS_PER_TURN} hosts, so that a big fleet does not stall the loop. */
  readonly pause?: Pause | undefined;
}

export interface ExplainInput {
  readonly snapshot: Snapshot;
  readonly orders: readonly Order[];
  readonly host: HostId;
  /** Without it nothing is said about how long a rule has held. */
  readonly memory?: readonly RuleMemory[];
}

export interface RuleOutcome {
  /** By id. */
  readonly findings: readonly Finding[];
  /** To be saved, and handed in the next time. */
  readonly memory: readonly RuleMemory[];
  /** What could not be judged, by host and rule. */
  readonly gaps: readonly Gap[];
}

const HOSTS_PER_TURN = 50;

/** Hosts that the snapshot does not have may come back (their source is down): not forgotten. */
const REMEMBER_ABSENT_SECONDS = 7 * 86_400;

/** The memory of what is about no single host is kept under this name. */
const WHOLE_FLEET = hostId('*');

export class RuleBook {
  readonly #rules: readonly CompiledRule[];
  readonly #limits: Limits;

  private constructor(rules: readonly CompiledRule[], limits: Limits) {
    this.#rules = rules;
    this.#limits = limits;
  }

  /** Everything that is wrong with the rules, each with its place; then there is no rule book. */
  static compile(policies: PolicySet): Result<RuleBook, readonly string[]> {
    const errors: string[] = [];
    const rules = new Map<string, CompiledRule>();
    for (const rule of policies.rules) {
      const compiled = compileRule(rule);
      if (!compiled.ok) {
        errors.push(...compiled.error);
        continue;
      }
      const { key } = compiled.value;
      const first = rules.get(key);
      if (first === undefined) rules.set(key, compiled.value);
      else errors.push(`${rule.origin}: rule ${rule.name} stands at ${first.rule.origin} already`);
    }
    if (errors.length > 0) return fail(errors);
    const sorted = [...rules.values()].sort((a, b) => compareText(a.key, b.key));
    return ok(new RuleBook(sorted, policies.limits));
  }

  async evaluate(input: RuleInput): Promise<RuleOutcome> {
    const { snapshot, orders, pause } = input;
    const tick = new Tick(input, this.#rules);
    const worlds = await inSlices(hostWorldsInSlices(snapshot, orders, this.#limits), pause);
    for (const [index, world] of worlds.entries()) {
      const facts = factsOf(world);
      for (const rule of this.#rules) {
        // A host that the rule is not about any more: what was open about it is closed.
        if (appliesTo(rule, world.host) && !isMoot(rule, world)) {
          await tick.judge(rule, world.host, facts);
        }
      }
      if ((index + 1) % HOSTS_PER_TURN === 0) await pause?.();
    }
    tick.addOrders();
    tick.judgePlacement(this.#limits);
    return tick.outcome();
  }

  /** Every rule of the book, what it says of the host and why; undefined: no such host. */
  explainHost(input: ExplainInput): readonly RuleExplanation[] | undefined {
    const { snapshot, orders, memory = [] } = input;
    const now = snapshot.takenAt;
    const worlds = hostWorlds(snapshot, orders, this.#limits);
    const world = worlds.find((candidate) => candidate.host.id === input.host);
    if (world === undefined) return undefined;
    const facts = factsOf(world);
    const tick = new Tick({ snapshot, orders, memory, now }, this.#rules);
    return this.#rules.map((rule) =>
      explainRule(rule, { world, facts, state: tick.before(rule.key, world.host.id), now }),
    );
  }
}

/** One evaluation: what has been found so far. */
class Tick {
  readonly #input: RuleInput;
  /** By rule and host. */
  readonly #before: ReadonlyMap<string, ReadonlyMap<HostId, RuleMemory>>;
  readonly #memory: RuleMemory[];
  readonly #findings: Finding[] = [];
  readonly #gaps: Gap[] = [];

  constructor(input: RuleInput, rules: readonly CompiledRule[]) {
    this.#input = input;
    this.#before = byRule(input.memory);
    this.#memory = absentHosts(input, new Set(rules.map((rule) => rule.key)));
  }

  before(rule: string, host: HostId): HoldState {
    return this.#before.get(rule)?.get(host) ?? NOT_HOLDING;
  }

  async judge(compiled: CompiledRule, host: Host, facts: FactLookup): Promise<void> {
    const { now, everySeconds } = this.#input;
    const verdict = verdictOf(compiled, facts);
    const gaps = gapsOf(compiled, verdict, host, facts);
    const { forSeconds } = compiled.rule;
    const looks = { forSeconds, everySeconds, now };
    const after = step(this.before(compiled.key, host.id), { ...verdict, ...looks });
    const { openSince } = after;
    // That nobody knows whether it is over matters only while there is something to be over.
    if (openSince !== undefined || verdict.when === 'unknown') this.#gaps.push(...gaps);
    if (openSince === undefined) {
      this.#remember(compiled.key, host.id, after);
      return;
    }
    const evidence = await this.#evidence(compiled, host, facts, verdict);
    // The engine failed: nothing new is opened on its account, and nothing is lost either.
    if (evidence === undefined) {
      const before = this.before(compiled.key, host.id);
      this.#remember(compiled.key, host.id, { ...after, openSince: before.openSince });
      return;
    }
    this.#remember(compiled.key, host.id, after);
    const state = { ...after, openSince };
    this.#findings.push(ruleFinding({ compiled, host, state, verdict, evidence, gaps, now }));
  }

  judgePlacement(limits: Limits): void {
    const { broken, gaps } = breaches(this.#input.snapshot, limits);
    this.#gaps.push(...gaps);
    for (const breach of broken) {
      const rule = `placement/${breach.rule.id}`;
      const openSince = this.before(rule, WHOLE_FLEET).openSince ?? this.#input.now;
      this.#remember(rule, WHOLE_FLEET, { holdingSince: openSince, openSince });
      this.#findings.push(breachFinding(breach, openSince));
    }
  }

  /**
   * An order is a finding by itself, with its deadline and who gave it. A rule that finds the same
   * order again (by the fact `host.order`) has nothing to add.
   */
  addOrders(): void {
    const { snapshot, orders } = this.#input;
    const { findings, gaps } = orderFindings(snapshot, orders);
    const ordered = new Set(findings.map(orderedHost));
    const others = this.#findings.filter((finding) => {
      const host = orderedHost(finding);
      return host === undefined || !ordered.has(host);
    });
    const down = hostDownFindings(snapshot);
    this.#findings.splice(0, Infinity, ...others, ...findings, ...down);
    this.#gaps.push(...gaps);
  }

  outcome(): RuleOutcome {
    return {
      findings: this.#findings.sort((a, b) => compareText(a.id, b.id)),
      memory: this.#memory.sort(
        (a, b) => compareText(a.rule, b.rule) || compareText(a.host, b.host),
      ),
      gaps: this.#gaps.sort(compareGaps),
    };
  }

  /** Undefined where the engine threw, or where it does not agree that the rule holds. */
  async #evidence(
    compiled: CompiledRule,
    host: Host,
    facts: FactLookup,
    verdict: Verdict,
  ): Promise<readonly Evidence[] | undefined> {
    if (isUnconfirmed(verdict)) return [];
    // Held open by `clear`: the evidence is that it is not clear yet.
    const isOver = verdict.when === false;
    const judge = isOver ? compiled.clear : compiled.when;
    if (judge === undefined) return [];
    try {
      const { holds, evidence } = await judge.judge(facts);
      if (holds === !isOver) return evidence;
      this.#engineGap(compiled, host, 'the rule engine comes to another result');
    } catch (error) {
      this.#engineGap(compiled, host, `the rule engine failed: ${String(error)}`);
    }
    return undefined;
  }

  #engineGap(compiled: CompiledRule, host: Host, reason: string): void {
    this.#gaps.push({ host: host.id, rule: compiled.key, fact: '', reason });
  }

  #remember(rule: string, host: HostId, state: HoldState): void {
    const { holdingSince, openSince, lastTrueAt } = state;
    if (holdingSince === undefined && openSince === undefined) return;
    this.#memory.push({ rule, host, holdingSince, openSince, lastTrueAt });
  }
}

/** The host that a finding wants empty because somebody ordered it. */
function orderedHost({ kind, subject }: Finding): HostId | undefined {
  const isOrdered = kind === 'maintenance' || kind === 'evacuation-ordered';
  return isOrdered && subject.kind === 'host' ? subject.host : undefined;
}

/** What is remembered of hosts that the snapshot does not have. */
function absentHosts({ snapshot, memory, now }: RuleInput, rules: ReadonlySet<string>) {
  const present = new Set(snapshot.hosts.map((host) => host.id));
  return memory.filter((entry) => {
    const since = entry.holdingSince ?? entry.openSince ?? 0;
    const isRecent = now - since < REMEMBER_ABSENT_SECONDS;
    return !present.has(entry.host) && rules.has(entry.rule) && isRecent;
  });
}

function byRule(memory: readonly RuleMemory[]): Map<string, Map<HostId, RuleMemory>> {
  const rules = new Map<string, Map<HostId, RuleMemory>>();
  for (const entry of memory) {
    const hosts = rules.get(entry.rule) ?? new Map<HostId, RuleMemory>();
    rules.set(entry.rule, hosts.set(entry.host, entry));
  }
  return rules;
}
