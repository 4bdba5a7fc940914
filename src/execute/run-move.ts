/**
 * Takes one move through its stages, with a ledger entry before and after each. What one stage has
 * done and what the next is about to do are one commit, and a stage that only looks, or touches
 * nothing but the ledger, is written in the commit of the one after it: a start waits for the disk
 * twice, for its record and for these. In all cases the entry is durable before anything happens
 * that it tells of. Whatever throws out of here (a ledger that cannot write, a bug) leaves the
 * record open; the caller then takes the move up again as if Drover had been restarted, because
 * that way is always right.
 */

import type { MoveRecord, MoveResult, StageEntry } from '../domain/journal.ts';
import type { Reservation } from '../domain/snapshot.ts';
import { closingLine } from './closing-line.ts';
import type { Misfit } from './fits.ts';
import {
  lastedSeconds,
  type MoveTask,
  type StageDefinition,
  type StageEnd,
  type TaskEnd,
} from './move-task.ts';
import { hasLostSource } from './restart.ts';
import { heldBack, heldMeanwhile, STAGE_TABLE } from './stages.ts';

const NOT_BEGUN = 'world-moved-on';
const WAS_NOT = 'it was not started';
/** How the reason begins why it is skipped that a crash has cut short before it was asked for. */
export const NOT_STARTED = `${NOT_BEGUN}: ${WAS_NOT}`;

/** A move that was never begun. Undefined: Drover stops, the move is open. */
export async function runMove(task: MoveTask): Promise<TaskEnd | undefined> {
  const held = await heldBack(task);
  return held === undefined ? runStages(task, 0) : closeHeld(task, held);
}

/** Nothing of it is on record: it was not begun. */
function closeHeld(task: MoveTask, { code, detail }: Misfit): Promise<TaskEnd> {
  const { cancelled } = task;
  if (cancelled !== undefined) return close(task, { outcome: 'cancelled', detail: cancelled });
  return close(task, { outcome: 'skipped', detail: `${code}: ${detail}` });
}

/** `from`: the index of the stage to begin with. Undefined: Drover stops, the move is open. */
async function runStages(task: MoveTask, from: number): Promise<TaskEnd | undefined> {
  const notes = new StageNotes(task);
  for (const [index, definition] of stagesOf(task).entries()) {
    if (index < from) continue;
    const held = definition.mayWait === true ? undefined : await notes.heldBefore();
    if (held !== undefined) return closeHeld(task, held);
    notes.add(definition, 'before', '');
    if (definition.mayWait !== true) await notes.write();
    const end = await definition.do(task, () => notes.write());
    if (end.kind === 'detached') return undefined;
    if (end.kind !== 'next') {
      await notes.write();
      return finish(task, index, end);
    }
    notes.add(definition, 'after', end.note ?? '', end.holds);
  }
  await notes.write();
  // A cancel may have come too late for the hypervisor: whoever gave it is to know.
  const late = task.cancelled === undefined ? '' : `${task.cancelled}: too late`;
  const { byNow = '', seenOn } = task;
  const detail = [late, task.oldDisks, byNow].filter((part) => part !== '').join('; ');
  return close(task, { outcome: 'succeeded', detail, seenOn });
}

/**
 * A move that was found open. What its journal says decides where to take it up: nothing that may
 * have been started is dropped, nothing is started again.
 */
export async function resumeStages(
  task: MoveTask,
  stages: readonly StageEntry[],
): Promise<TaskEnd | undefined> {
  const table = stagesOf(task);
  const last = table.findLastIndex((definition) =>
    stages.some((entry) => entry.stage === definition.stage),
  );
  const definition = table[last];
  const isNothing = definition === undefined || definition.probe(task) === 'nothing';
  if (isNothing || !task.adopted) {
    const why = task.adopted ? ' before Drover stopped' : ': something failed before';
    const detail = `${WAS_NOT}${why}`;
    return finish(task, last, { kind: 'skipped', code: NOT_BEGUN, detail });
  }
  return runStages(task, last);
}

function stagesOf({ parts }: MoveTask): readonly StageDefinition[] {
  return parts.stages ?? STAGE_TABLE;
}

async function finish(
  task: MoveTask,
  index: number,
  end: Exclude<StageEnd, { kind: 'next' | 'detached' }>,
): Promise<TaskEnd> {
  const why = end.kind === 'skipped' ? `${end.code}: ${end.detail}` : end.detail;
  if (end.kind === 'needs-human') return close(task, { outcome: end.kind, detail: why });
  const left = await unwind(task, index, why);
  const late = lateCancel(task, end);
  // What was left on the target would be in the way.
  const instead =
    end.kind === 'failed' && left.length + late.length === 0 ? end.instead : undefined;
  const next = instead === undefined ? [] : [`it is moved ${instead} instead`];
  const remains = left.length > 0 || (end.kind === 'failed' && end.remains === true);
  const detail = [...late, why, ...left, ...next].join('; ');
  const outcome = late.length > 0 ? 'cancelled' : end.kind;
  const held = end.kind === 'skipped' && end.held === true;
  return close(task, { outcome, detail, instead, seenOn: task.seenOn }, { remains, held });
}

/**
 * A cancel that came when the move had come to nothing by itself, which may have taken minutes to
 * take back: what was promised with it holds all the same. Empty: there is none, or the source has
 * died: the VM that is down then is not to rest for it.
 */
function lateCancel(task: MoveTask, { kind }: StageEnd): readonly string[] {
  const { cancelled, move } = task;
  const isDown = kind === 'failed' && move.method !== 'restart' && hasLostSource(task);
  return cancelled === undefined || kind === 'cancelled' || isDown ? [] : [cancelled];
}

/** Backwards through what was begun. An undo that does not succeed is told, not repeated. */
async function unwind(task: MoveTask, index: number, why: string): Promise<readonly string[]> {
  const left: string[] = [];
  for (const definition of stagesOf(task)
    .slice(0, index + 1)
    .toReversed()) {
    const notes = new StageNotes(task);
    notes.add(definition, 'undo', why);
    await notes.write();
    const remains = await definition.undo(task);
    if (remains !== '') left.push(remains);
  }
  return left;
}

/** What is to be written of the stages next, in one commit. */
class StageNotes {
  readonly #task: MoveTask;
  #entries: StageEntry[] = [];
  #holds: Reservation | undefined;
  #isEmpty = true;

  constructor(task: MoveTask) {
    this.#task = task;
  }

  // oxlint-disable-next-line max-params -- which stage, how far, what there is to say, what is held
  add(
    { stage }: StageDefinition,
    phase: StageEntry['phase'],
    detail: string,
    holds?: Reservation,
  ): void {
    const { move, parts } = this.#task;
    this.#entries.push({ move: move.id, stage, phase, at: parts.clock.now(), detail });
    this.#holds = holds ?? this.#holds;
  }

  /** What holds the move back by now, as long as nothing of it is on record. */
  async heldBefore(): Promise<Misfit | undefined> {
    return this.#isEmpty ? heldMeanwhile(this.#task) : undefined;
  }

  async write(): Promise<void> {
    this.#isEmpty = false;
    const [entries, holds] = [this.#entries, this.#holds];
    [this.#entries, this.#holds] = [[], undefined];
    const { move, record, parts } = this.#task;
    this.#task.stage = entries.at(-1)?.stage ?? this.#task.stage;
    await parts.ledger.addStages(entries, holds);
    const { plan, vmName } = record;
    for (const { stage, phase, at } of entries)
      parts.events.emit('move-stage', { move, plan, vmName, stage, phase, at });
  }
}

async function close(
  task: MoveTask,
  end: TaskEnd,
  { remains = false, held = false } = {},
): Promise<TaskEnd> {
  const { move, record, parts } = task;
  const marks = { remains: remains || undefined, held: held || undefined } as const;
  const result = { ...resultOf(task, end), ...marks };
  task.ending = { result, end };
  await parts.ledger.closeMove(move.id, result, closingLine(record, result));
  announceEnd(parts, record, result);
  return end;
}

/** What everybody is told of a move whose end is on record. */
export function announceEnd(
  { events }: Pick<MoveTask['parts'], 'events'>,
  { move, vmName }: Pick<MoveRecord, 'move' | 'vmName'>,
  result: MoveResult,
): void {
  events.emit('move-ended', { move, vmName, result });
  if (result.outcome === 'needs-human') {
    const text = `${vmName} needs a human: ${result.detail}`;
    events.emit('warning', { key: `needs-human ${move.vm}`, text });
  }
  if (result.remains === true) {
    const text = `${vmName} keeps away from ${move.to} until its remains there are gone`;
    events.emit('warning', { key: `remains ${move.vm} ${move.to}`, text });
  }
}

function resultOf(task: MoveTask, { outcome, detail }: TaskEnd): MoveResult {
  return {
    outcome,
    at: task.parts.clock.now(),
    detail,
    seconds: outcome === 'skipped' ? undefined : lastedSeconds(task),
    queuedSeconds: task.measured.queuedSeconds,
    downtimeSeconds: outcome === 'succeeded' ? task.measured.downtimeSeconds : undefined,
    bytes: task.measured.bytes,
  };
}
