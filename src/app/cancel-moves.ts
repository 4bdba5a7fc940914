/**
 * `cancel`: stops moves before their point of no return, by the move, its VM, or the host that
 * they leave. An order that asks for them stays: whoever cancels is told how to withdraw it.
 */

import type { Host } from '../domain/host.ts';
import { isIdText, moveId } from '../domain/ids.ts';
import type { Order } from '../domain/order.ts';
import type { Move } from '../domain/plan.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import type { Vm } from '../domain/vm.ts';
import type { Executor } from '../execute/executor.ts';
import type { ApiProblem, CancelledMove, CancelView } from '../ports/api.ts';
import type { Ledger } from '../ports/ledger.ts';

export interface CancelParts {
  readonly executor: Pick<Executor, 'cancel' | 'open'>;
  readonly ledger: Pick<Ledger, 'history' | 'move' | 'orders'>;
  readonly findVm: (name: string) => Vm | undefined;
  readonly findHost: (name: string) => Host | undefined;
}

/** What is meant by a name. */
interface Meant {
  readonly what: string;
  readonly vm?: Vm;
  readonly host?: Host;
  readonly moves: readonly Move[];
}

export async function cancelMoves(
  parts: CancelParts,
  name: string,
  by: string,
): Promise<Result<CancelView, ApiProblem>> {
  const meant = find(parts, name);
  if (meant === undefined) return fail(await nothingNamed(parts, name));
  const { executor, ledger } = parts;
  const orders = (await ledger.orders(false)).filter(({ state }) => state === 'open');
  const { moves, what } = meant;
  const host = meant.vm === undefined ? meant.host : parts.findHost(meant.vm.host);
  const hosts = new Set(moves.map(({ from }) => from));
  const notes = orders
    .filter((order) => order.host === host?.id || hosts.has(order.host))
    .map((order) => withdrawText(parts, order));
  if (moves.length === 0) return fail(nothingToCancel(what, notes, await lastOf(ledger, meant)));
  // All at once: what is cancelled later must not take the place of what was cancelled before.
  const answers = await Promise.all(
    moves.map(async (move) => cancelledMove(parts, move, await executor.cancel(move.id, by))),
  );
  if (answers.every(({ answer }) => answer === 'too-late')) return fail(tooLate(answers));
  return ok({ moves: answers, notes });
}

function find({ executor, findVm, findHost }: CancelParts, name: string): Meant | undefined {
  const { open } = executor;
  const moves = open.filter((move) => move.id === name);
  if (moves.length > 0) return { what: `move ${name}`, moves };
  const vm = findVm(name);
  if (vm !== undefined) {
    const own = open.filter((move) => move.vm === vm.id);
    return { what: `move of VM ${vm.name}`, vm, moves: own };
  }
  const host = findHost(name);
  if (host === undefined) return undefined;
  const away = open.filter((move) => move.from === host.id);
  return { what: `move away from host ${host.name}`, host, moves: away };
}

function cancelledMove(
  { findVm, findHost }: CancelParts,
  move: Move,
  given: Awaited<ReturnType<Executor['cancel']>>,
): CancelledMove {
  // It was open a moment ago: what is not any more has ended by itself.
  const answer = given === 'unknown' ? 'too-late' : given;
  const [vm, to] = [findVm(move.vm)?.name ?? move.vm, findHost(move.to)?.name ?? move.to];
  const text = `${vm} to ${to}: ${ANSWERS[answer]}`;
  return { move: move.id, vm: move.vm, from: move.from, to: move.to, answer, text };
}

const ANSWERS: Readonly<Record<CancelledMove['answer'], string>> = {
  cancelled: 'cancelled before it had begun; not tried again for a while',
  cancelling: 'asked to stop; drover migrations shows whether it could',
  'too-late': 'too late, it has arrived',
};

function withdrawText({ findHost }: CancelParts, order: Order): string {
  const name = findHost(order.host)?.name ?? order.host;
  return (
    `${name} is still ordered empty (${order.kind}, by ${order.by.name}): its VMs are moved ` +
    `again after a pause; to withdraw the order: drover maintenance exit ${name}`
  );
}

async function nothingNamed({ ledger }: CancelParts, name: string): Promise<ApiProblem> {
  // What cannot be an id is none of ours.
  const result = isIdText(name) ? (await ledger.move(moveId(name)))?.result : undefined;
  if (result !== undefined) {
    const detail = `too late: the move ${name} has ended (${result.outcome})`;
    return { status: 409, code: 'too-late', detail, hint: 'drover history tells how' };
  }
  return {
    status: 404,
    code: 'not-found',
    detail: `no open move, VM or host has the id or (unique) name ${JSON.stringify(name)}`,
    hint: 'drover migrations lists the moves, drover hosts and drover vms the rest',
  };
}

/** How the newest move of what is meant ended: a cancel that comes too late is to be told so. */
async function lastOf(ledger: CancelParts['ledger'], { vm, host }: Meant): Promise<string> {
  const about = vm === undefined ? { host: host?.id } : { vm: vm.id };
  const entries = await ledger.history({ ...about, limit: LAST_LINES });
  const last = entries.find((entry) => entry.move !== undefined);
  return last === undefined ? '' : `; too late, the last one is over: ${last.text}`;
}

/** A host has lines of other kinds, too. */
const LAST_LINES = 20;

function nothingToCancel(what: string, notes: readonly string[], last: string): ApiProblem {
  return {
    status: 409,
    code: 'nothing-to-cancel',
    detail: `no ${what} waits or is under way${last}`,
    hint: notes.join('; '),
  };
}

function tooLate(answers: readonly CancelledMove[]): ApiProblem {
  const detail = answers.map(({ text }) => text).join('; ');
  return { status: 409, code: 'too-late', detail, hint: 'drover locate shows where a VM runs' };
}
