// Role: rules, orders and one-line evaluations for the tests of the rules room.
import { hostId, orderId } from '../../../src/domain/ids.ts';
import type { Order } from '../../../src/domain/order.ts';
import { type MissingReason, missingWindow } from '../../../src/domain/measured.ts';
import type { Condition, PolicySet, Rule } from '../../../src/domain/policy.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { epochSeconds, type Seconds, seconds } from '../../../src/domain/units.ts';
import type { RuleMemory } from '../../../src/ports/ledger.ts';
import { RuleBook, type RuleOutcome } from '../../../src/rules/rule-book.ts';
import { aHost, aPolicy, aSnapshot, TEST_NOW } from '../../support/fleet.ts';

export function aRule(options: Partial<Rule> = {}): Rule {
  return {
    name: 'hot',
    origin: 'test.yaml:1',
    policy: 'test',
    finding: 'overloaded',
    response: 'relieve',
    tier: 'optional',
    hosts: undefined,
    when: over('host.cpu.used.ratio.p95', 0.85),
    forSeconds: seconds(0),
    clear: undefined,
    relieveBelow: undefined,
    ...options,
  };
}

export function over(fact: string, value: number): Condition {
  return { fact, operator: 'greaterThan', value };
}

export function under(fact: string, value: number): Condition {
  return { fact, operator: 'lessThan', value };
}

/** One host h1 of 16 threads, of which this share is busy. */
export function busy(share: number): Snapshot {
  return aSnapshot({ hosts: [aHost({ cpuUsed: share * 16 })] });
}

export function blind(reason: MissingReason = 'stale'): Snapshot {
  return aSnapshot({ hosts: [aHost({ metrics: { 'cpu.used': missingWindow(reason) } })] });
}

export function anOrder(options: Partial<Order> = {}): Order {
  return {
    id: orderId('o1'),
    kind: 'maintenance',
    host: hostId('h1'),
    by: { kind: 'operator', name: 'alice' },
    reason: 'new DIMM',
    createdAt: epochSeconds(TEST_NOW - 60),
    deadline: undefined,
    state: 'open',
    dedupeKey: 'o1',
    home: [],
    ...options,
  };
}

export function aBook(rules: readonly Rule[], policies: Partial<PolicySet> = {}): RuleBook {
  const book = RuleBook.compile(aPolicy({ ...policies, rules }));
  if (!book.ok) throw new Error(book.error.join('\n'));
  return book.value;
}

/** Evaluates tick after tick, handing the memory on as the daemon does. */
export class Ticks {
  readonly #book: RuleBook;
  readonly #orders: readonly Order[];
  memory: readonly RuleMemory[] = [];
  /** How often the daemon looks; undefined: as the test does. */
  everySeconds: Seconds | undefined;

  constructor(rules: readonly Rule[], orders: readonly Order[] = []) {
    this.#book = aBook(rules);
    this.#orders = orders;
  }

  async at(afterSeconds: number, snapshot: Snapshot): Promise<RuleOutcome> {
    const outcome = await this.#book.evaluate({
      snapshot,
      orders: this.#orders,
      memory: this.memory,
      now: epochSeconds(TEST_NOW + afterSeconds),
      everySeconds: this.everySeconds,
    });
    this.memory = outcome.memory;
    return outcome;
  }
}
