// Role: a plan as a person hands it in, and the desk for it on a ledger and a dispatcher that do
// what the test says.
import { ApplyDesk, type ApplyParts } from '../../src/app/apply-desk.ts';
import type { AppliedPlan } from '../../src/domain/applied-plan.ts';
import { vmId, type MoveId } from '../../src/domain/ids.ts';
import type { Decision, GateVerdict, HistoryEntry, Outcome } from '../../src/domain/journal.ts';
import type { Move } from '../../src/domain/plan.ts';
import { EventBus } from '../../src/observe/event-bus.ts';
import { aPolicy } from './fleet.ts';
import { aMove, aRecord, aResult, aStage } from './ledger-records.ts';
import { manualClock } from './manual-clock.ts';
import { aStageOf } from './plans.ts';

export interface Wish {
  readonly vm: string;
  readonly from: string;
  readonly to: string;
  readonly dependsOn?: readonly string[];
  readonly criticality?: string;
  readonly tier?: string;
  readonly reason?: object;
}

/** As `drover plan --json` writes them; ids are 1, 2, … as in every such file. */
export function planOf(...wishes: readonly Wish[]) {
  const predicted = { seconds: 10, downtimeSeconds: 0.1, bytes: 1e9 };
  const reason = { finding: 'f', text: 'by hand', evidence: [], terms: {} };
  const moves = wishes.map((wish, index) => ({
    id: `${index + 1}`,
    dependsOn: [],
    criticality: 'standard',
    tier: 'optional',
    reason,
    ...wish,
    method: 'pre-copy',
    predicted: { ...predicted, startSeconds: index * 10 },
  }));
  return { moves, notes: ['keys that are not needed are left alone'] };
}

export interface ApplyBench {
  readonly desk: ApplyDesk;
  /** Another one on the same ledger: that of the next life, unless the controller is another. */
  readonly another: (controller?: string) => ApplyDesk;
  /** What was handed on, time by time. */
  readonly handedOn: (readonly Move[])[];
  readonly decisions: Decision[];
  readonly history: HistoryEntry[];
  /** Which records the ledger was asked for. */
  readonly askedFor: MoveId[];
  /** The gate's verdicts; may wait. */
  judge: (moves: readonly Move[]) => Promise<readonly GateVerdict[]>;
  /** After a plan is kept, and before it is closed. */
  afterKeep: () => Promise<void>;
  beforeClose: () => Promise<void>;
  /** Before a decision is written. */
  beforeRecord: () => Promise<void>;
  /** The move of the VM is begun, or has ended so. */
  became(vm: string, state: 'running' | Outcome, detail?: string): void;
}

export function verdictOf(
  { id: move }: Move,
  verdict: GateVerdict['verdict'],
  refusals: GateVerdict['refusals'] = [],
): GateVerdict {
  return { move, verdict, mode: 'automatic', refusals };
}

export function applyBench(): ApplyBench {
  const ids = new Map<string, MoveId>();
  const records = new Map<MoveId, ReturnType<typeof recordOf>>();
  const events = new EventBus();
  const kept = new Map<string, AppliedPlan>();
  const clock = manualClock();
  const parts: ApplyParts = {
    clock,
    controller: 'c1',
    policies: { policies: aPolicy() },
    events,
    ledger: {
      addHistory: async (entries) => {
        bench.history.push(...entries);
      },
      recordDecision: async (decision) => {
        await bench.beforeRecord();
        bench.decisions.push(decision);
      },
      move: async (id) => {
        bench.askedFor.push(id);
        return records.get(id);
      },
      keepApplied: async (plan) => {
        kept.set(plan.id, plan);
        await bench.afterKeep();
      },
      closeApplied: async (id) => {
        await bench.beforeClose();
        kept.delete(id);
      },
      appliedPlans: async () => [...kept.values()].toReversed(),
      begunOf: async (plan) =>
        new Set([...records.keys()].filter((id) => id.startsWith(`${plan}/`))),
    },
    dispatcher: {
      carryOut: async ({ result: { plan } }, { record, isWanted }) => {
        for (const { id, vm } of plan.moves) ids.set(vm, id);
        const verdicts = await bench.judge(plan.moves);
        await record(verdicts);
        if (isWanted()) bench.handedOn.push(plan.moves);
        return verdicts;
      },
    },
  };
  const bench: ApplyBench = {
    desk: new ApplyDesk(parts),
    another: (controller = 'c1') => new ApplyDesk({ ...parts, controller }),
    handedOn: [],
    decisions: [],
    history: [],
    askedFor: [],
    judge: async (moves) => moves.map((move) => verdictOf(move, 'execute')),
    afterKeep: async () => undefined,
    beforeClose: async () => undefined,
    beforeRecord: async () => undefined,
    became(vm, state, detail) {
      const id = ids.get(vm);
      if (id === undefined) throw new Error(`${vm} was not handed on`);
      const record = recordOf(id, vm, state, detail);
      records.set(id, record);
      const about = { move: aMove({ id, vm: vmId(vm) }), vmName: vm };
      if (record.result === undefined) {
        events.emit('move-stage', aStageOf(about.move));
      } else events.emit('move-ended', { ...about, result: record.result });
    },
  };
  return bench;
}

// oxlint-disable-next-line max-params -- which move, of which VM, and how it ended
function recordOf(id: MoveId, vm: string, state: 'running' | Outcome, detail = '') {
  const result = state === 'running' ? undefined : aResult({ outcome: state, detail });
  return { ...aRecord(id, vm), stages: [aStage(id, 'pre-copy', 'before')], result };
}
