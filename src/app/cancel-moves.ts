/**
 * `cancel`: stops moves before their point of no return, by the move, its VM, the host that they
 * leave, or their plan. An order that asks for them stays, unless it is named itself or is to be
 * withdrawn too: whoever cancels is told how. What was cancelled rests, and the answer says until
 * when and how to lift that. To cancel twice is to cancel once.
 */

import type { Host } from '../domain/host.ts';
import { isIdText, moveId, planId } from '../domain/ids.ts';
import type { MoveRecord, MoveResult } from '../domain/journal.ts';
import type { Order } from '../domain/order.ts';
import type { Move } from '../domain/plan.ts';
import type { Limits } from '../domain/policy.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import type { Turns } from '../domain/turns.ts';
import type { Vm } from '../domain/vm.ts';
import type { Executor } from '../execute/executor.ts';
import { restAfterCancel } from '../execute/rest.ts';
import type { ApiProblem, CancelledMove, CancelView } from '../ports/api.ts';
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { ApplyDesk } from './apply-desk.ts';
import { orderOfGone } from './gone-host.ts';
import type { TickState } from './tick.ts';

export interface CancelParts {
  readonly executor: Pick<Executor, 'cancel' | 'cancelUnasked' | 'open' | 'openOf'>;
  readonly ledger: Pick<Ledger, 'history' | 'move' | 'orders' | 'order'>;
  /** Those in which moves are cancelled that wait for an approval. */
  readonly turns: Pick<Turns, 'take'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly limits: () => Pick<Limits, 'cooldownSeconds'>;
  readonly applying: Pick<ApplyDesk, 'cancel' | 'isNewest' | 'takeUp'>;
  /** The newest plan, and what of it runs. */
  readonly newest: () => Pick<TickState, 'result' | 'verdicts'> | undefined;
  readonly findVm: (name: string) => Vm | undefined;
  readonly findHost: (name: string) => Host | undefined;
  /** Takes the order for the host back. */
  readonly withdraw: (host: string, by: string) => Promise<Result<{ text: string }, ApiProblem>>;
}

export interface CancelRequest {
  readonly name: string;
  readonly by: string;
  /** Also take back the orders of the host. */
  readonly withdraw: boolean;
}

/** What is meant by a name. */
interface Meant {
  readonly what: string;
  readonly vm?: Vm | undefined;
  readonly host?: Host | undefined;
  readonly order?: Order | undefined;
  /** That of a host which is not in the fleet any more. */
  readonly gone?: Order | undefined;
  readonly moves: readonly Move[];
  /** Of the newest plan: moves that wait for an approval only. */
  readonly unasked?: readonly Move[];
  /** There is such a plan: that nothing of it is under way is no mistake, and this is told. */
  readonly ifNothing?: string;
  /** Resolves when a restart knows of it, too. */
  readonly filed?: Promise<unknown>;
}

export async function cancelMoves(
  parts: CancelParts,
  request: CancelRequest,
): Promise<Result<CancelView, ApiProblem>> {
  const { name, by } = request;
  const meant = await find(parts, request);
  if (meant === undefined) return cancelledBefore(parts, name);
  const { executor } = parts;
  const { moves, unasked = [] } = meant;
  // All at once: what is cancelled later must not take the place of what was cancelled before.
  const answers = await Promise.all(
    moves.map(async (move) => toldOf(parts, move, await executor.cancel(move.id, by))),
  );
  // One after the other: who cancels the same at the same time finds what was cancelled.
  if (unasked.length > 0) {
    answers.push(...(await parts.turns.take(() => cancelUnasked(parts, unasked, request))));
  }
  await meant.filed;
  const notes = await ordersOf(parts, meant, request);
  if (!notes.ok) return notes;
  const isTooLate = answers.length > 0 && answers.every(({ answer }) => answer === 'too-late');
  // Something was done all the same where an order was there to be taken back.
  if (isTooLate && !notes.value.isTakenBack) return fail(tooLate(answers));
  if (answers.length > 0 || notes.value.isWithdrawn) {
    return ok({ moves: answers, notes: notes.value.texts });
  }
  if (meant.ifNothing !== undefined) return ok({ moves: [], notes: [meant.ifNothing] });
  return nothingOpen(parts, meant, notes.value.texts);
}

/** Only a plan has such moves: the name is its id. */
async function cancelUnasked(
  parts: CancelParts,
  moves: readonly Move[],
  { name, by }: CancelRequest,
): Promise<readonly CancelledMove[]> {
  const answers: CancelledMove[] = [];
  for (const move of moves) {
    // Until the next plan, the verdicts still say of what was cancelled that it waits.
    const record = await parts.ledger.move(move.id);
    if (record?.result?.outcome === 'cancelled') answers.push(...again(parts, record).moves);
    else if (record?.result !== undefined) answers.push(endedBefore(record, record.result));
    else {
      await parts.executor.cancelUnasked(planId(name), move, by);
      answers.push(toldOf(parts, move, 'cancelled'));
    }
  }
  return answers;
}

async function find(parts: CancelParts, { name, by }: CancelRequest): Promise<Meant | undefined> {
  const { executor, findVm, findHost, ledger } = parts;
  const { open } = executor;
  const moves = open.filter((move) => move.id === name);
  if (moves.length > 0) return { what: `move ${name}`, moves };
  const vm = findVm(name);
  if (vm !== undefined) {
    return { what: `move of VM ${vm.name}`, vm, moves: open.filter((move) => move.vm === vm.id) };
  }
  const host = findHost(name);
  if (host !== undefined) return { ...awayFrom(open, host), host };
  const gone = orderOfGone(await ledger.orders(false), name);
  if (gone !== undefined) return { ...awayFrom(open, { id: gone.host, name }), gone };
  if (!isIdText(name)) return undefined;
  await parts.applying.takeUp();
  const ofPlan = await plannedMoves(parts, name, by);
  if (ofPlan !== undefined) return ofPlan;
  const order = (await ledger.orders(true)).find(({ id }) => id === name);
  if (order === undefined) return undefined;
  const left = findHost(order.host);
  if (left !== undefined) return { ...awayFrom(open, left), host: left, order };
  const { host: id, hostName = id } = order;
  return { ...awayFrom(open, { id, name: hostName }), gone: order, order };
}

function awayFrom(
  open: readonly Move[],
  { id, name }: Pick<Host, 'id' | 'name'>,
): Pick<Meant, 'what' | 'moves'> {
  return {
    what: `move away from host ${name}`,
    moves: open.filter((move) => move.from === id),
  };
}

/** Of a plan that is known: the newest, one that is applied, or one with moves under way. */
async function plannedMoves(
  parts: CancelParts,
  name: string,
  by: string,
): Promise<Meant | undefined> {
  const { applying, executor, newest } = parts;
  const { result, verdicts = [] } = newest() ?? {};
  // Also where that cannot be written down nothing more of it is begun.
  const isApplied = applying.isNewest(name);
  const filed = applying.cancel(name, by);
  // It is waited for below; what fails before that must not leave it unheard.
  filed.catch(() => undefined);
  const moves = executor.openOf(planId(name));
  const isNewest = result?.plan.id === name;
  if (!isApplied && !isNewest && moves.length === 0) return undefined;
  const asks = new Set(
    verdicts.filter(({ verdict }) => verdict === 'needs-approval').map(({ move }) => move),
  );
  const unasked = isNewest ? result.plan.moves.filter(({ id }) => asks.has(id)) : [];
  // What a guard holds back of an applied plan is no open move, and is stopped all the same.
  const ifNothing = isApplied
    ? `nothing more of ${name} is begun`
    : `nothing of ${name} is left to stop`;
  return { what: `move of plan ${name}`, moves, unasked, ifNothing, filed };
}

function toldOf(
  parts: CancelParts,
  move: Move,
  given: Awaited<ReturnType<Executor['cancel']>>,
): CancelledMove {
  const { findVm, findHost } = parts;
  // It was open a moment ago: what is not any more has ended by itself.
  const hasEnded = given === 'unknown' || given === 'ended';
  const answer = hasEnded ? 'too-late' : given;
  const [vm, to] = [findVm(move.vm)?.name ?? move.vm, findHost(move.to)?.name ?? move.to];
  const rests = answer === 'too-late' ? '' : `; ${restText(parts, move, parts.clock.now())}`;
  const text = `${vm} to ${to}: ${hasEnded ? HAS_ENDED : ANSWERS[answer]}${rests}`;
  return { move: move.id, vm: move.vm, from: move.from, to: move.to, answer, text };
}

const ANSWERS: Readonly<Record<CancelledMove['answer'], string>> = {
  cancelled: 'cancelled before it had begun',
  cancelling: 'asked to stop; drover migrations shows whether it could',
  'too-late': 'too late, it has arrived',
};
const HAS_ENDED = 'too late, it has ended by itself; drover migrations shows how';

/** Until when it does not come back, and how to lift that. */
function restText({ limits }: CancelParts, { tier, vm }: Move, at: number): string {
  const until = new Date((at + restAfterCancel(tier, limits())) * 1000).toISOString();
  return `not tried again before ${until.slice(11, 19)}Z (or drover breaker reset vm:${vm})`;
}

interface OrderNotes {
  readonly texts: readonly string[];
  /** It was asked for; also where there was no order. */
  readonly isWithdrawn: boolean;
  /** There was an order. */
  readonly isTakenBack?: true;
}

/** What is still ordered, and how to take it back; or that it is taken back by this. */
async function ordersOf(
  parts: CancelParts,
  { vm, host, order, gone, moves }: Meant,
  { by, withdraw }: CancelRequest,
): Promise<Result<OrderNotes, ApiProblem>> {
  const open = (await parts.ledger.orders(false)).filter(({ state }) => state === 'open');
  const own = vm === undefined ? (host ?? knownAs(gone)) : parts.findHost(vm.host);
  if (own !== undefined && (order !== undefined || (withdraw && vm === undefined))) {
    // Nobody begins a host that is gone: its turn never comes, and is withdrawn, too.
    const isOpen = open.some((one) => one.host === own.id) || isGoing(gone);
    if (!isOpen) return ok({ texts: [`nothing is ordered for ${own.name}`], isWithdrawn: true });
    const back = await parts.withdraw(gone?.host ?? own.name, by);
    if (!back.ok) return back;
    return ok({ texts: [back.value.text], isWithdrawn: true, isTakenBack: true });
  }
  const hosts = new Set(moves.map(({ from }) => from));
  const texts = open
    .filter((one) => one.host === own?.id || hosts.has(one.host))
    .map((one) => withdrawText(parts, one));
  return ok({ texts, isWithdrawn: false });
}

function knownAs(gone: Order | undefined): Pick<Host, 'id' | 'name'> | undefined {
  return gone && { id: gone.host, name: gone.hostName ?? gone.host };
}

function isGoing(gone: Order | undefined): boolean {
  return gone !== undefined && gone.state !== 'closed';
}

function withdrawText({ findHost }: CancelParts, order: Order): string {
  const name = findHost(order.host)?.name ?? order.hostName ?? order.host;
  return (
    `${name} is still ordered empty (${order.kind}, by ${order.by.name}): its VMs are moved ` +
    `again after that; to withdraw the order: drover maintenance exit ${name}`
  );
}

/** By the id of a move that has ended. */
async function cancelledBefore(
  parts: CancelParts,
  name: string,
): Promise<Result<CancelView, ApiProblem>> {
  // What cannot be an id is none of ours.
  const record = isIdText(name) ? await parts.ledger.move(moveId(name)) : undefined;
  if (record?.result?.outcome === 'cancelled') return ok(again(parts, record));
  if (record?.result !== undefined) {
    const detail = `too late: the move ${name} has ended (${record.result.outcome})`;
    return fail({ status: 409, code: 'too-late', detail, hint: 'drover history tells how' });
  }
  return fail({
    status: 404,
    code: 'not-found',
    detail:
      'no open move, plan or order, no VM or host has the id or (unique) name ' +
      JSON.stringify(name),
    hint: 'drover migrations lists the moves, drover hosts and drover vms the rest',
  });
}

/** How the newest move of what is meant ended: a cancel that comes too late is to be told so. */
async function nothingOpen(
  parts: CancelParts,
  { what, vm, host, gone }: Meant,
  notes: readonly string[],
): Promise<Result<CancelView, ApiProblem>> {
  const about = vm === undefined ? { host: host?.id ?? gone?.host } : { vm: vm.id };
  const [last] = await parts.ledger.history({ ...about, movesOnly: true, limit: 1 });
  const record = last?.move === undefined ? undefined : await parts.ledger.move(last.move);
  if (vm !== undefined && record?.result?.outcome === 'cancelled') {
    const { moves } = again(parts, record);
    return ok({ moves, notes });
  }
  const over = last === undefined ? '' : `; too late, the last one is over: ${last.text}`;
  return fail({
    status: 409,
    code: 'nothing-to-cancel',
    detail: `no ${what} waits or is under way${over}`,
    hint: notes.join('; '),
  });
}

/** It was cancelled before: the same answer again. */
function again(parts: CancelParts, { move, result, vmName }: MoveRecord): CancelView {
  const { id, vm, from, to } = move;
  const rest = restText(parts, move, result?.at ?? parts.clock.now());
  const text = `${vmName} to ${to}: was cancelled already; ${rest}`;
  return { moves: [{ move: id, vm, from, to, answer: 'cancelled', text }], notes: [] };
}

function endedBefore({ move, vmName }: MoveRecord, { outcome }: MoveResult): CancelledMove {
  const { id, vm, from, to } = move;
  const text = `${vmName} to ${to}: too late, it has ended (${outcome})`;
  return { move: id, vm, from, to, answer: 'too-late', text };
}

function tooLate(answers: readonly CancelledMove[]): ApiProblem {
  const detail = answers.map(({ text }) => text).join('; ');
  return { status: 409, code: 'too-late', detail, hint: 'drover locate shows where a VM runs' };
}
