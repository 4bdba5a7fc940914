// Role: one tick of mode observe in a few words, for the tests of what it would have done.
import { judgeObserved, type ObservedSight } from '../../src/app/observed-judge.ts';
import { findingId, hostId, sourceId } from '../../src/domain/ids.ts';
import type { GateVerdict } from '../../src/domain/journal.ts';
import type { SourceStatus } from '../../src/domain/measured.ts';
import type { ObservedMove, SettledMove } from '../../src/domain/observed-move.ts';
import type { Host } from '../../src/domain/host.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import { epochSeconds } from '../../src/domain/units.ts';
import type { PowerState } from '../../src/domain/vm.ts';
import { aHost, aSnapshot, aVm, TEST_NOW } from './fleet.ts';
import { aMove } from './plans.ts';

export interface WishedMove {
  readonly vm: string;
  readonly to: string;
  /** Default: h1. */
  readonly from?: string;
  /** Default: f1. */
  readonly finding?: string;
  /** Default: would-execute. */
  readonly verdict?: GateVerdict['verdict'];
}

export interface ObservedTick {
  /** Seconds since the test began. */
  readonly at: number;
  /** Between two ticks. Default: 60. */
  readonly every?: number;
  /** Host of each VM. Default: v1 on h1. */
  readonly vms?: Readonly<Record<string, string>>;
  readonly power?: Readonly<Record<string, PowerState>>;
  readonly wishes?: readonly WishedMove[];
  /** Ids. Default: f1. */
  readonly findings?: readonly string[];
  readonly source?: SourceStatus['state'];
  readonly connection?: Host['connection'];
  /** Default: all. */
  readonly hosts?: readonly string[];
  readonly isWhole?: boolean;
  readonly recentMoves?: Snapshot['recentMoves'];
  readonly inFlight?: Snapshot['inFlight'];
}

export const HOSTS = ['h1', 'h2', 'h3'] as const;

export function momentAt(at: number): ReturnType<typeof epochSeconds> {
  return epochSeconds(TEST_NOW + at);
}

export function sightOf(
  tick: ObservedTick,
  before: readonly ObservedMove[],
  still = 0,
): ObservedSight {
  const { vms = { v1: 'h1' }, power = {}, wishes = [], findings = ['f1'] } = tick;
  const { source: state = 'up', hosts = HOSTS, connection = 'connected' } = tick;
  const moves = wishes.map(({ vm, to, from = 'h1', finding = 'f1' }, index) => {
    const reason = { finding: findingId(finding), text: `${finding} says so`, evidence: [] };
    return aMove({ id: `m${index}`, vm, from, to, reason: { ...reason, terms: {} } });
  });
  const status = { state, lastAnswerAt: undefined, consecutiveFailures: 0, detail: '' };
  const { recentMoves = [], inFlight = [] } = tick;
  return {
    now: momentAt(tick.at),
    everySeconds: tick.every ?? 60,
    before,
    stillFor: new Map(before.map(({ id }) => [id, still])),
    snapshot: aSnapshot({
      hosts: HOSTS.map((id) => aHost({ id, connection })),
      vms: Object.entries(vms).map(([id, host]) =>
        aVm({ id, host, powerState: power[id] ?? 'running' }),
      ),
      sources: [{ source: sourceId('lab'), ...status }],
      recentMoves,
      inFlight,
    }),
    hosts: new Set(hosts.map(hostId)),
    findings: findings.map((id) => ({ id: findingId(id) })),
    moves,
    verdicts: moves.map(({ id }, index) => ({
      move: id,
      verdict: wishes[index]?.verdict ?? 'would-execute',
      mode: 'observe',
      refusals: [],
    })),
    isWhole: tick.isWhole ?? true,
  };
}

/** A life of ticks: what is open, and all that was opened and settled. */
export class ObservedLife {
  /** By no clock that is set: for so long nobody else has looked. */
  still = 0;
  open: readonly ObservedMove[] = [];
  readonly opened: ObservedMove[] = [];
  readonly settled: SettledMove[] = [];

  tick(tick: ObservedTick): this {
    const judged = judgeObserved(sightOf(tick, this.open, this.still));
    const gone = new Set(judged.settled.map(({ id }) => id));
    const after = new Map(judged.after.map((move) => [move.id, move]));
    const stay = this.open.filter(({ id }) => !gone.has(id));
    this.open = [...stay.map((move) => after.get(move.id) ?? move), ...judged.opened];
    this.opened.push(...judged.opened);
    this.settled.push(...judged.settled);
    return this;
  }

  /** What each was settled with, and when, seconds since the test began. */
  get ends(): readonly (readonly [outcome: string, at: number])[] {
    return this.settled.map(({ end }) => [end.outcome, end.at - TEST_NOW]);
  }
}
