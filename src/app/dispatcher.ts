/**
 * Between plan and execution: asks the gate, writes the decision down, hands what may run to the
 * executor, and keeps what waits for an approval. There is no other way to a move.
 */

import type { Finding } from '../domain/finding.ts';
import type { GateVerdict } from '../domain/journal.ts';
import type { Order } from '../domain/order.ts';
import type { PlanResult } from '../domain/plan.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Executor } from '../execute/executor.ts';
import { gate, readGateCounters } from '../execute/gate.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { PolicyStore } from './policy-store.ts';

export interface DispatchInput {
  readonly snapshot: Snapshot;
  readonly findings: readonly Finding[];
  readonly orders: readonly Order[];
  readonly result: PlanResult;
}

export interface DispatcherParts {
  readonly ledger: Ledger;
  readonly executor: Executor;
  readonly policies: PolicyStore;
  readonly clock: Clock;
  readonly events: EventSink;
}

export class Dispatcher {
  readonly #parts: DispatcherParts;
  /** The newest plan that has moves waiting for an approval. */
  #waiting: DispatchInput | undefined;
  /** What was last written down, so that an unchanged decision is not repeated at every tick. */
  #lastRecorded = '';
  readonly #running = new Set<Promise<void>>();

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
  }

  async dispatch(input: DispatchInput): Promise<readonly GateVerdict[]> {
    const verdicts = await this.#judge(input, false);
    this.#waiting = verdicts.some(needsApproval) ? input : undefined;
    await this.#record(input, verdicts);
    this.#submit(input, verdicts);
    return verdicts;
  }

  /** Approves the newest plan; returns how many moves may run now. Undefined: no such plan. */
  async approve(plan: string): Promise<number | undefined> {
    const input = this.#waiting;
    if (input === undefined || input.result.plan.id !== plan) return undefined;
    this.#waiting = undefined;
    const verdicts = await this.#judge(input, true);
    await this.#record(input, verdicts);
    this.#submit(input, verdicts);
    return verdicts.filter(({ verdict }) => verdict === 'execute').length;
  }

  /** Resolves when nothing that was submitted runs any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  async #judge(input: DispatchInput, approved: boolean): Promise<readonly GateVerdict[]> {
    const { clock, events, ledger, policies } = this.#parts;
    const { plan } = input.result;
    const now = clock.now();
    const [counters, { paused }] = await Promise.all([
      readGateCounters(ledger, plan, now),
      ledger.paused(),
    ]);
    const { snapshot, findings } = input;
    const request = { plan, snapshot, findings, policies: policies.policies, now, paused };
    const verdicts = gate({ ...request, counters, approved });
    events.emit('gated', { plan: plan.id, verdicts });
    return verdicts;
  }

  async #record(input: DispatchInput, verdicts: readonly GateVerdict[]): Promise<void> {
    const { result, findings } = input;
    const key = JSON.stringify([result.plan.moves.map(moveKey), findings.map(({ id }) => id)]);
    const executes = verdicts.some(({ verdict }) => verdict === 'execute');
    if (key === this.#lastRecorded && !executes) return;
    this.#lastRecorded = key;
    await this.#parts.ledger.recordDecision({
      plan: result.plan.id,
      at: this.#parts.clock.now(),
      policyRevision: this.#parts.policies.policies.revision,
      findings,
      result,
      gate: verdicts,
    });
  }

  #submit(input: DispatchInput, verdicts: readonly GateVerdict[]): void {
    // Also when nothing may run: what waits from an older plan is dropped by a newer one.
    const run = this.#parts.executor
      .submit(input.result.plan, verdicts)
      .catch((error: unknown) => {
        this.#parts.events.emit('failure', { where: 'executor', error });
      })
      .finally(() => this.#running.delete(run));
    this.#running.add(run);
  }
}

function needsApproval({ verdict }: GateVerdict): boolean {
  return verdict === 'needs-approval';
}

function moveKey(move: {
  readonly vm: string;
  readonly from: string;
  readonly to: string;
}): string {
  return `${move.vm}:${move.from}:${move.to}`;
}
