/**
 * A plan that a person hands in (`drover plan --json`, saved): read, and compared with the fleet as
 * it is now. What is done already is left alone, so the same plan may come twice; anything else
 * that differs from what the plan stood on refuses the whole of it.
 */

import { check } from '../check/check.ts';
import { planOutputSchema } from '../config/plan-output.ts';
import {
  findingId,
  type HostId,
  hostId,
  isIdText,
  type MoveId,
  moveId,
  planId,
  type VmId,
  vmId,
} from '../domain/ids.ts';
import type { Finding } from '../domain/finding.ts';
import { textHash } from '../domain/hash.ts';
import { isOfDryOrder } from '../domain/order.ts';
import type { Move, Plan } from '../domain/plan.ts';
import type { PolicySet } from '../domain/policy.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { bytes, seconds } from '../domain/units.ts';
import type { ApiProblem } from '../ports/api.ts';

const fileSchema = planOutputSchema.pick({ moves: true });
type FileMove = ReturnType<typeof fileSchema.parse>['moves'][number];

/** More than any plan of ours has; bounds what one request may ask for. */
const MOST_MOVES = 5_000;

export interface HandedIn {
  /** The same for the same moves. */
  readonly key: string;
  readonly moves: readonly Move[];
}

/** The moves of the file, with the ids that they have there. */
export function readPlan(body: unknown): Result<HandedIn, ApiProblem> {
  const parsed = fileSchema.loose().safeParse(body);
  if (!parsed.success) {
    const [first] = parsed.error.issues;
    return fail(notAPlan(`${first?.path.join('.') ?? ''}: ${first?.message ?? ''}`));
  }
  const { moves } = parsed.data;
  if (moves.length > MOST_MOVES) return fail(notAPlan(`more than ${MOST_MOVES} moves`));
  const bad = moves.find((one) =>
    [one.id, one.vm, one.from, one.to, one.reason.finding, ...one.dependsOn].some(
      (id) => !isIdText(id),
    ),
  );
  if (bad !== undefined) return fail(notAPlan(`the move ${JSON.stringify(bad.id)} has a bad id`));
  const tangle = tangleOf(moves);
  if (tangle !== undefined) return fail(notAPlan(tangle));
  const read = moves.map(moveOf);
  const key = textHash(
    JSON.stringify(read.map(({ vm, from, to, method }) => [vm, from, to, method])),
  );
  return ok({ key, moves: read });
}

/** What makes it unclear which move waits for which; undefined: nothing. */
function tangleOf(moves: readonly FileMove[]): string | undefined {
  const ids = new Set<string>();
  for (const { id } of moves) {
    if (ids.has(id)) return `two moves have the id ${JSON.stringify(id)}`;
    ids.add(id);
  }
  for (const { id, dependsOn } of moves) {
    const unknown = dependsOn.find((one) => !ids.has(one));
    if (unknown === undefined) continue;
    const [waiting, missing] = [id, unknown].map((one) => JSON.stringify(one));
    return `the move ${waiting} waits for ${missing}, which is not there`;
  }
  return undefined;
}

function moveOf(file: FileMove): Move {
  const { predicted, reason } = file;
  const { text, evidence, terms } = reason;
  return {
    id: moveId(file.id),
    vm: vmId(file.vm),
    from: hostId(file.from),
    to: hostId(file.to),
    method: file.method,
    tier: file.tier,
    criticality: file.criticality,
    reason: {
      finding: findingId(reason.finding),
      text,
      evidence: evidence.map(({ fact, operator, threshold, value }) => {
        return { fact, operator, threshold, value };
      }),
      terms,
    },
    dependsOn: file.dependsOn.map(moveId),
    predicted: {
      startSeconds: seconds(predicted.startSeconds),
      seconds: seconds(predicted.seconds),
      downtimeSeconds: seconds(predicted.downtimeSeconds),
      bytes: bytes(predicted.bytes),
    },
    ...(file.overCpu === true && { overCpu: true as const }),
    ...(file.overSoft === true && { overSoft: true as const }),
    ...(file.alone === true && { alone: true as const }),
    rejected: [],
  };
}

function notAPlan(detail: string): ApiProblem {
  return {
    status: 400,
    code: 'not-a-plan',
    detail: `this is not a plan: ${detail}`,
    hint: 'expected what "drover plan --json" prints',
  };
}

/** How the moves of a plan stand in the fleet of a snapshot. */
export interface Standing {
  /** In the plan's order; those whose VM is where the move would take it, or further. */
  readonly done: readonly Move[];
  readonly open: readonly Move[];
  /** What is not as the plan takes it; names what, for people. */
  readonly differences: readonly string[];
}

export function standingOf(moves: readonly Move[], snapshot: Snapshot): Standing {
  const hosts = new Set(snapshot.hosts.map(({ id }) => id));
  const places = new Map(snapshot.vms.map((vm) => [vm.id, vm.host]));
  const flights = new Set(snapshot.inFlight.map((flight) => flight.vm));
  const differences: string[] = [];
  const done = new Set<Move>();
  for (const [vm, path] of Map.groupBy(moves, (move) => move.vm)) {
    const gone = path.flatMap(({ from, to }) => [from, to]).find((host) => !hosts.has(host));
    const at = stepOf(path, places.get(vm));
    if (gone !== undefined) differences.push(`the host ${gone} is not there`);
    else if (at === undefined) differences.push(elsewhere(vm, path, places.get(vm)));
    else if (flights.has(vm)) differences.push(`${vm} is being moved at this moment`);
    for (const move of path.slice(0, at ?? 0)) done.add(move);
  }
  return {
    done: moves.filter((move) => done.has(move)),
    open: moves.filter((move) => !done.has(move)),
    differences: [...new Set(differences)],
  };
}

/** How many moves of the VM's way are behind it; undefined: it is nowhere on its way. */
function stepOf(path: readonly Move[], place: HostId | undefined): number | undefined {
  const next = path.findIndex(({ from }) => from === place);
  if (next !== -1) return next;
  return place !== undefined && path.at(-1)?.to === place ? path.length : undefined;
}

function elsewhere(vm: VmId, path: readonly Move[], place: HostId | undefined): string {
  if (place === undefined) return `the VM ${vm} is not there`;
  return `${vm} runs on ${place}, and the plan takes it from ${path[0]?.from ?? ''}`;
}

/**
 * How urgent the moves are now, whatever their file says: as the finding that each names and that
 * is open today. Where that is over, nothing asks for the move but the person, and it can wait; but
 * an evacuation that was planned on paper is the person's own, and as urgent as its file says.
 * Only what must not wait may fill its target beyond what is safe.
 *
 * @param whole the plan that the moves are of.
 */
export function judgedAnew(
  moves: readonly Move[],
  findings: readonly Finding[],
  whole: readonly Move[] = moves,
): readonly Move[] {
  const tiers = new Map(findings.map(({ id, tier }) => [id, tier]));
  const evacuation = evacuationIn(whole);
  return moves.map((move): Move => {
    const otherwise = evacuation.has(move.id) ? 'mandatory' : 'optional';
    const tier = tiers.get(move.reason.finding) ?? otherwise;
    if (tier === 'mandatory') return { ...move, tier };
    const { overCpu: _overCpu, overSoft: _overSoft, ...rest } = move;
    return { ...rest, tier };
  });
}

/**
 * Of a plan with orders on paper (`drover plan --evacuate`): the moves that leave their hosts, and
 * those that make room for them.
 */
function evacuationIn(moves: readonly Move[]): ReadonlySet<MoveId> {
  const urgent = new Map(
    moves.filter(({ tier }) => tier === 'mandatory').map((move) => [move.id, move]),
  );
  const found = new Set(
    [...urgent.values()].filter(({ reason, from }) => isOfDryOrder(reason.finding, from)),
  );
  // It grows by those whom they wait for, and whom those wait for.
  for (const { dependsOn, reason } of found) {
    for (const other of dependsOn.map((id) => urgent.get(id))) {
      if (other?.reason.finding === reason.finding) found.add(other);
    }
  }
  return new Set([...found].map(({ id }) => id));
}

/**
 * The moves that are still to be begun as a plan of their own, made for this snapshot.
 *
 * @param attempts which one it is of each move; absent: the first.
 */
// oxlint-disable-next-line max-params -- whose moves, which, in which fleet, and how often before
export function planOfOpen(
  id: string,
  open: readonly Move[],
  snapshot: Snapshot,
  attempts: ReadonlyMap<MoveId, number> = new Map(),
): Plan {
  const left = new Set(open.map((move) => move.id));
  const own = (one: MoveId): MoveId => ownId(id, { id: one }, attempts.get(one));
  const moves = open.map((move) => ({
    ...move,
    id: own(move.id),
    dependsOn: move.dependsOn.filter((one) => left.has(one)).map(own),
  }));
  const objective = { before: 0, after: 0, terms: {} };
  return { id: planId(id), snapshotAt: snapshot.takenAt, moves, objective };
}

/** Ids in files repeat; those in the ledger may not, also where a move is tried once more. */
export function ownId(id: string, move: Pick<Move, 'id'>, attempt = 1): MoveId {
  const first = `${id}/${textHash(move.id)}`;
  return moveId(attempt === 1 ? first : `${first}/${attempt}`);
}

/**
 * What the independent checker has against the plan in the fleet as it is now, and by today's
 * tiers; but whether the important moves come first is asked by those that it was written with.
 */
// oxlint-disable-next-line max-params -- which plan, as it came, and what it has to hold for
export function faultsOf(
  plan: Plan,
  written: Plan,
  snapshot: Snapshot,
  { limits, migration }: PolicySet,
): readonly string[] {
  const against = (one: Plan) => check({ snapshot, plan: one, limits, migration });
  const isAsWritten = plan.moves.every(({ tier }, index) => tier === written.moves[index]?.tier);
  const found = isAsWritten
    ? against(plan)
    : [
        ...against(plan).filter(({ code }) => code !== 'order'),
        ...against(written).filter(({ code }) => code === 'order'),
      ];
  return found.map(({ code, vm, host, detail }) => {
    const about = [vm, host].filter((one) => one !== undefined).join(' to ');
    return `${code}${about === '' ? '' : ` (${about})`}: ${detail}`;
  });
}
