/**
 * Carries plans out: starts what may start, follows each move to its end, takes up after a crash
 * what was left open. Each move is supervised on its own; whatever happens to one, the others go
 * on. Nothing in memory is needed to recover: the ledger says what was begun, the hypervisors
 * say what became of it.
 */

import type { FindingId, HostId, MoveId, PlanId } from '../domain/ids.ts';
import type { GateVerdict, MoveRecord, Outcome } from '../domain/journal.ts';
import type { Move, Plan } from '../domain/plan.ts';
import type { InFlightMove, Snapshot } from '../domain/snapshot.ts';
import { type Seconds, seconds } from '../domain/units.ts';
import type { CancelAnswer, RecoveryReport } from './answers.ts';
import { besides, cancelNote, Cancels, WITH_ANOTHER } from './cancels.ts';
import { cancelRunning } from './cancel-running.ts';
import { currentWorld } from './current-world.ts';
import { endedMove, EndedMoves, outlived, type Remembered } from './ended-moves.ts';
import type { ExecutorParts } from './executor-parts.ts';
import { coldInstead } from './follow-up.ts';
import { isLeaseLost } from './lost-lease.ts';
import { DEFAULT_TIMING, type ExecutionTiming, type TaskEnd } from './move-task.ts';
import { announceOutcome, recordOf } from './without-task.ts';
import { begun, flightOf, leftSince, type Running, seenWithin } from './running.ts';
import { ownParts } from './own-parts.ts';
import { askHeldAgain } from './stages.ts';
import { StandingReader } from './standing.ts';
import { Silences } from './silences.ts';
import { Submissions } from './submissions.ts';
import { leftToDo } from './to-do.ts';
import { type Opening, supervise } from './supervise.ts';
import { NotBegun } from './not-begun.ts';
import { Places } from './places.ts';
import { isOnlyFor, type Lane, WaitingLine, type WaitingMove } from './waiting-line.ts';

/** A stop that is not obeyed is left behind after this long; the move is adopted at the start. */
const STOP_SECONDS = seconds(10);

export class Executor {
  readonly #parts: ExecutorParts;
  readonly #timing: ExecutionTiming;
  readonly #standing: StandingReader;
  readonly #line = new WaitingLine();
  readonly #submissions = new Submissions();
  readonly #cancels = new Cancels();
  readonly #running = new Map<MoveId, Running>();
  readonly #ended = new EndedMoves();
  /** Open, and followed by nobody for now: each takes its place all the same. */
  #unfollowed: readonly Running['record'][] = [];
  readonly #stopping = new AbortController();
  readonly #silences: Silences;
  readonly #places: Places;
  readonly #notBegun: NotBegun;

  constructor(parts: ExecutorParts) {
    this.#parts = ownParts(parts);
    this.#timing = { ...DEFAULT_TIMING, ...parts.timing };
    this.#silences = new Silences(parts, this.#timing, () => this.#startWhatMay());
    this.#places = new Places(parts, () => this.#startWhatMay());
    this.#notBegun = new NotBegun({
      ...parts,
      ended: ({ move, plan }, record, outcome) => {
        this.#remember(record ?? { move, plan }, outcome);
        this.#submissions.settle(move.id, outcome);
      },
      done: () => this.#startWhatMay(),
    });
    this.#standing = new StandingReader(parts.ledger, parts.clock);
  }

  /**
   * Carries out the moves of the plan whose verdict is `execute`; resolves when all have ended. A
   * newer plan was made from a newer world: moves of older plans that wait are dropped without a
   * trace (nothing was begun; where they are still needed, they are in the newer plan). The same
   * plan may come again, with more that is allowed: what it has begun or ended is left alone. Plans
   * of another lane are left as they are.
   */
  submit(plan: Plan, verdicts: readonly GateVerdict[], lane: Lane = 'planned'): Promise<void> {
    if (this.#stopping.signal.aborted) return Promise.resolve();
    this.#drop((entry) => entry.lane === lane);
    const isFollowing = this.#line.waiting('follow-up').map(({ vm }) => vm);
    // What is only asked for does not move yet, and may not for long.
    const begun = this.inFlight().filter(({ move }) => !this.#places.isAsked(move));
    const moving = new Set([...begun.map(({ vm }) => vm), ...isFollowing]);
    const { moves, wanted, outcomes } = leftToDo(plan, verdicts, {
      before: lane === 'planned' ? this.#ended.begin(plan.id) : this.#ended.outcomes,
      // Begun or cancelled while this plan was being made: what is left to do is in the next plan,
      // also where that move comes to nothing.
      isStopped: ({ vm }) => moving.has(vm) || this.#cancels.isAfter(plan, vm),
      isBegun: ({ id }) => this.#running.has(id),
    });
    this.#places.follow(moves, wanted);
    const ids = moves.map((move) => move.id);
    const done = this.#submissions.wait(ids, outcomes);
    const about = { lane, plan: plan.id, outcomes };
    this.#line.add(moves.map((move) => ({ ...about, move, index: plan.moves.indexOf(move) })));
    this.wake();
    return done;
  }

  /**
   * For a plan that is not to be carried out: what waits from older ones is dropped as if a newer
   * one had come, and for the same reason. It was planned on a world that is gone, and there is no
   * newer plan that says that it is still right. Nothing of it was begun; what runs goes on to its
   * end. What is still needed is in the next good plan, approvals included.
   */
  dropWaiting(which: 'planned' | 'all' = 'planned'): void {
    this.#drop(({ lane }) => which === 'all' || lane === 'planned');
  }

  /** The same with what one finding asks for that is over; a person's own plans stay. */
  dropOf(finding: FindingId): void {
    this.#drop((entry) => isOnlyFor(entry, finding));
  }

  /** Somebody has decided something: what is not started yet asks again whether it still may. */
  reconsider(): void {
    this.#standing.forget();
    for (const running of this.#running.values()) askHeldAgain(running);
  }

  /**
   * Takes up every move that the ledger has open; `read` is called when they are known. Resolves
   * when each has ended, was seen under way, or could not be asked about; those that are not at
   * their end are followed from then on. Idempotent. Rejects with LedgerError.
   */
  async recover(read: () => void = () => undefined): Promise<RecoveryReport> {
    const known = this.#unfollowed;
    const open = await this.#parts.ledger.openMoves();
    const { takeUp = () => true, takesPlace = () => true } = this.#parts;
    const idle = open.filter(({ move }) => !this.#running.has(move.id));
    const own = this.#stopping.signal.aborted ? [] : idle.filter(takeUp);
    const others = idle.filter((record) => !own.includes(record) && takesPlace(record));
    this.#unfollowed = [...others, ...leftSince(known, this.#unfollowed, open)];
    const moves = own.map(async (record) => {
      const state = await this.#takeUp(record);
      return { move: record.move.id, vm: record.move.vm, state };
    });
    for (const record of this.#unfollowed) this.#silences.note(record, 'unreachable');
    read();
    return { moves: await Promise.all(moves) };
  }

  /** There are open moves that are to be followed as soon as they may be: `recover` does. */
  get hasUnfollowed(): boolean {
    return this.#unfollowed.length > 0;
  }

  /**
   * Moves that were begun and have not ended, also those that cannot be asked about, or that nobody
   * may follow yet.
   */
  inFlight(): InFlightMove[] {
    return this.#openRecords.map((record) => flightOf({ record }));
  }

  get #openRecords(): readonly Running['record'][] {
    return [...this.#unfollowed, ...[...this.#running.values()].map(({ record }) => record)];
  }

  /** Resolves when all that were begun are under way or have ended; at most after so long. */
  underWay(most: Seconds): Promise<void> {
    return seenWithin(this.#parts.clock, most, [...this.#running.values()]);
  }

  /** How many cancels there were: to be asked when a look at the fleet begins. */
  get cancelCount(): number {
    return this.#cancels.count;
  }

  /**
   * The snapshot, with the moves that ended after its hosts were asked. `cancels`: the count when
   * that look began; what is cancelled later holds against every plan that is made from it.
   */
  corrected(snapshot: Snapshot, cancels: number): Snapshot {
    this.#cancels.looked(snapshot, cancels);
    return currentWorld(snapshot, this.inFlight(), this.#ended.all, undefined);
  }

  /** Starts what waits, where it may: to be called when something that held it back is over. */
  wake(): void {
    this.#places.free();
    this.#startWhatMay();
  }

  /** What is open anywhere; the moves of others are in the way as they are now. */
  openAnywhere(): Promise<readonly MoveRecord[]> {
    return this.#places.look(() => this.inFlight().map(({ move }) => move), this.#line.size);
  }

  /** How many moves wait for their dependencies or for a free place. */
  get waiting(): number {
    return this.#line.size;
  }

  /** Those that wait while no place is free for them, as all controllers together have too many. */
  get waitingForPlace(): readonly Move[] {
    return this.#places.isShort ? this.#line.moves : [];
  }

  /** The moves that wait, and those that were begun and have not ended. */
  get open(): readonly Move[] {
    return [...this.#line.moves, ...[...this.#running.values()].map(({ record }) => record.move)];
  }

  /** Those of one plan. */
  openOf(plan: PlanId): readonly Move[] {
    const running = [...this.#running.values()].filter(({ record }) => record.plan === plan);
    return [...this.#line.movesOf(plan), ...running.map(({ record }) => record.move)];
  }

  /** A move that waits for nothing but a person: {@link NotBegun.cancelUnasked}. */
  cancelUnasked(plan: PlanId, move: Move, by: string): Promise<void> {
    return this.#notBegun.cancelUnasked(plan, move, by);
  }

  /**
   * Idempotent. A cancel is durable: it is carried on with after a restart. Where it could not be
   * written down it rejects with LedgerError; a move that waited is not begun all the same.
   */
  async cancel(move: MoveId, by = 'an operator'): Promise<CancelAnswer> {
    const text = cancelNote(by);
    const [entry] = this.#line.remove((waiting) => waiting.move.id === move);
    if (entry !== undefined) {
      await this.#notBegun.refuse(entry, 'cancelled', text);
      return 'cancelled';
    }
    const running = this.#running.get(move);
    if (running === undefined) return this.#ended.cancelAnswer(move);
    const answer = await cancelRunning(running, text, this.#parts);
    // It may have ended meanwhile, and another one have taken its place.
    const next = this.open.find(({ insteadOf }) => insteadOf === move);
    return next === undefined ? answer : this.cancel(next.id, by);
  }

  /**
   * Starts nothing more and stops following. Running migrations go on without Drover; they are
   * adopted at the next start. Resolves when nothing here touches the ledger any more, or after a
   * while: a call to a hypervisor that hangs cannot be waited for.
   */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#drop(() => true);
    const followers = [...this.#running.values()].map((running) => running.done);
    const patience = new AbortController();
    const late = this.#parts.clock.sleep(STOP_SECONDS, patience.signal);
    await Promise.race([Promise.all([...followers, this.#notBegun.idle()]), late]);
    patience.abort();
  }

  #startWhatMay(): void {
    const { mayBegin = () => true } = this.#parts;
    if (!this.#places.mayAsk) return;
    while (!this.#stopping.signal.aborted && mayBegin()) {
      const moves = this.#openRecords.map((record) => record.move);
      const elsewhere = this.#places.elsewhere(moves);
      // The ledger knows better which of them keep a place, where it counts.
      const uncounted = this.#parts.sharing === undefined ? 0 : this.#unfollowed.length;
      const underway = { ...this.#silences.among(moves), elsewhere, uncounted };
      const caps = this.#parts.settings().limits.concurrency;
      const next = this.#line.next(underway, caps, this.#parts.world());
      if (next === undefined) return;
      if (next.kind === 'skip') this.#notBegun.skip(next.entry, next.reason);
      else this.#start(next.entry);
    }
  }

  #start(entry: WaitingMove): void {
    const record = recordOf(this.#parts, entry);
    if (record === undefined) {
      this.#notBegun.skip(entry, `world-moved-on: ${entry.move.vm} is gone`);
      return;
    }
    const { promise: seen, resolve } = Promise.withResolvers<unknown>();
    const running = begun(record, entry, seen);
    this.#running.set(entry.move.id, running);
    running.done = this.#open(running, entry, resolve).then((end) => {
      resolve(end);
      return end === 'no-place' ? undefined : this.#leave(running, end);
    });
  }

  /** The record goes before everything else; without one nothing is done. */
  async #open(
    running: Running,
    entry: WaitingMove,
    seen: (how: unknown) => void,
  ): Promise<TaskEnd | 'no-place' | undefined> {
    const { record } = running;
    const skipped = (why: string) => announceOutcome(this.#parts, record, 'skipped', why);
    try {
      const answer = await this.#places.open(entry, running, {
        refused: (isWanted) => this.#putBack(running, entry, isWanted),
        begins: (newer) => this.#passOver(newer),
      });
      if (answer === 'opened') return await this.#supervise(running, 'opened', seen);
      if (answer === 'no-place') return answer;
    } catch (error) {
      if (isLeaseLost(error)) return skipped(error.message);
      // Whether it was written is asked of the ledger, as soon as that answers again.
      this.#parts.events.emit('failure', { where: `opening the move of ${record.vmName}`, error });
      return this.#supervise(running, 'in-doubt', seen);
    }
    return skipped('in-flight: another move of this VM is open');
  }

  /** Nothing was begun. What is not wanted any more, or was cancelled meanwhile, waits no more. */
  #putBack({ record, cancelled }: Running, entry: WaitingMove, isWanted: boolean): void {
    this.#running.delete(record.move.id);
    if (cancelled !== undefined) this.#notBegun.skip(entry, cancelled, 'cancelled');
    else if (isWanted) this.#line.putBack(entry);
    else this.#submissions.settle(record.move.id, undefined);
  }

  /** Their VM has begun to move, or may have: what is left to do for it is in the next plan. */
  #passOver(newer: readonly MoveId[]): void {
    for (const { move } of this.#line.remove(({ move }) => newer.includes(move.id)))
      this.#submissions.settle(move.id, 'skipped');
  }

  /** A record that was found open. Resolves as soon as something is known about it. */
  #takeUp(record: MoveRecord): Promise<RecoveryReport['moves'][number]['state']> {
    type State = RecoveryReport['moves'][number]['state'];
    const { promise: seen, resolve } = Promise.withResolvers<State>();
    const reached = record.stages.at(-1)?.stage ?? 'pre-migration';
    const running: Running = { record, task: undefined, seen, done: Promise.resolve(), reached };
    this.#running.set(record.move.id, running);
    running.done = this.#supervise(running, 'found', resolve).then((end) => {
      resolve(end?.outcome ?? 'unreachable');
      return this.#leave(running, end);
    });
    return seen;
  }

  #supervise(
    running: Running,
    opening: Opening,
    seen: (how: 'adopted' | 'unreachable') => void,
  ): Promise<TaskEnd | undefined> {
    const { world } = this.#parts;
    const { record } = running;
    return supervise(running, opening, {
      parts: this.#parts,
      timing: this.#timing,
      standing: this.#standing,
      stopping: this.#stopping.signal,
      world: (asking) => currentWorld(world(), this.inFlight(), this.#ended.all, asking),
      seen: this.#silences.heeding(record, seen),
      unwritten: (outcome, detail) => {
        this.#askLater(record);
        return announceOutcome(this.#parts, record, outcome, detail);
      },
    });
  }

  /** The move is at its end (or Drover at its own): its place is free. */
  #leave({ record, task, cancelled }: Running, end: TaskEnd | undefined): void {
    const { move } = record;
    this.#running.delete(move.id);
    this.#parts.letGo?.(move.id);
    this.#parts.events.emit('move-let-go', { move, outcome: end?.outcome });
    if (end === undefined) {
      this.#askLater(record);
      this.#submissions.settle(move.id, undefined);
      return;
    }
    this.#remember(record, end.outcome, end.seenOn);
    this.#submissions.settle(move.id, end.outcome);
    if (end.instead === 'cold') {
      const next = coldInstead(record, end.detail);
      const wish = task === undefined ? cancelled : task.cancelled;
      if (wish === undefined) this.#line.add([next]);
      else this.#notBegun.skip(next, wish, 'cancelled');
    }
    this.wake();
  }

  /** Drover stops, or its lease is over, or its ledger does not answer: `recover` sees. */
  #askLater(record: Running['record']): void {
    this.#unfollowed = [...this.#unfollowed, record];
  }

  #remember(about: Remembered, outcome: Outcome, seenOn?: HostId): void {
    if (outcome === 'cancelled') {
      this.#cancels.remember(about.move.vm);
      this.#drop(besides(about), WITH_ANOTHER);
    }
    const outlivedAt = outlived(this.#parts, this.#timing, about.source);
    this.#ended.add(endedMove(about, { outcome, seenOn, outlivedAt }), this.#parts.world());
  }

  /** It waits no more, and nobody waits for it. `cancelled`: why, for the record. */
  #drop(which: (entry: WaitingMove) => boolean, cancelled?: string): void {
    this.#places.drop(which, cancelled);
    for (const entry of this.#line.remove(which)) {
      if (cancelled === undefined) this.#submissions.settle(entry.move.id, undefined);
      else this.#notBegun.skip(entry, cancelled, 'cancelled');
    }
  }
}
