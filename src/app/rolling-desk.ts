/** What people ask of rolling maintenance: start one, see how far it is, hold or end it. */

import type { Host } from '../domain/host.ts';
import type { HostId } from '../domain/ids.ts';
import type { Order } from '../domain/order.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { ApiProblem, RollingPlanView, RollingRequest, RollingView } from '../ports/api.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Estimator } from './estimator.ts';
import type { OrderDesk } from './order-desk.ts';
import { orderedText } from './order-text.ts';
import { inTurn, isCutOff, newerOrder } from './rolling.ts';
import { allGroups } from './rolling-groups.ts';
import type { TickState } from './tick.ts';
import { findNamed } from './views.ts';

export interface RollingDeskParts {
  readonly ledger: Ledger;
  readonly orders: OrderDesk;
  readonly estimator: Pick<Estimator, 'estimate'>;
  readonly newId: () => string;
}

/** Each group is a plan of its own. */
const MOST_HOSTS = 200;

export class RollingDesk {
  readonly #parts: RollingDeskParts;

  constructor(parts: RollingDeskParts) {
    this.#parts = parts;
  }

  /** The groups as things stand; ordered, unless it is a dry run or some host fits in no way. */
  async start(
    request: RollingRequest,
    state: TickState,
  ): Promise<Result<RollingPlanView, ApiProblem>> {
    const hosts = hostsOf(request.names, state.snapshot);
    if (!hosts.ok) return hosts;
    const { estimator, ledger, orders, newId } = this.#parts;
    const taken = (await ledger.orders(false)).find(({ host }) => hosts.value.includes(host));
    if (taken !== undefined) return fail(underOrder(taken));
    const groups = await allGroups(hosts.value, request.batch, (some) =>
      estimator.estimate({ kind: 'maintenance', hosts: some, deadlineSeconds: null }, state),
    );
    if (request.dryRun || groups.some(({ fits }) => !fits)) return ok({ id: null, groups });
    const id = newId();
    const { by, reason, batch, hook } = request;
    const wanted = hosts.value.map((host) => {
      const operator = { kind: 'operator', name: by } as const;
      const rest = { by: operator, reason, dedupeKey: '', deadlineSeconds: null, hook };
      return { kind: 'maintenance', host, ...rest } as const;
    });
    // The groups took their time: the same may have been asked for meanwhile.
    const enrolled = await orders.rolling.enrol(wanted, { id, batch }, state.snapshot);
    return enrolled.ok ? ok({ id, groups }) : fail(underOrder(enrolled.error));
  }

  /** Those that are not over, oldest first. */
  async list(snapshot: Snapshot | undefined): Promise<readonly RollingView[]> {
    const all = await this.#parts.ledger.orders(true);
    const parts = all.filter((one) => one.rolling !== undefined);
    return [...Map.groupBy(parts, ({ rolling }) => rolling?.id ?? '')]
      .filter(([, orders]) => orders.some(({ state }) => state !== 'closed'))
      .map(([id, orders]) => viewOf(id, inTurn(orders), { all, snapshot }));
  }

  async steer(
    id: string,
    what: 'pause' | 'resume' | 'cancel',
    { by, snapshot }: { readonly by: string; readonly snapshot: Snapshot | undefined },
  ): Promise<Result<RollingView, ApiProblem>> {
    const before = (await this.list(snapshot)).find((one) => one.id === id);
    if (before === undefined) return fail(unknownRolling(id));
    const { orders } = this.#parts;
    if (what === 'cancel') await orders.rolling.steer(id, 'withdraw');
    else {
      const heldBy = what === 'pause' ? `paused by ${by}` : undefined;
      await orders.rolling.steer(id, { heldBy });
    }
    const after = (await this.list(snapshot)).find((one) => one.id === id);
    return ok(after ?? { ...before, waiting: [], active: [], heldBy: null });
  }
}

/** A name may be that of a cluster: then all its hosts, by name. */
function hostsOf(
  names: readonly string[],
  { hosts }: Snapshot,
): Result<readonly HostId[], ApiProblem> {
  const found = new Set<HostId>();
  for (const name of names) {
    const host = findNamed<Host>(hosts, name);
    const ofCluster = hosts
      .filter(({ cluster }) => cluster === name)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const some = host === undefined ? ofCluster : [host];
    if (some.length === 0) return fail(unknownHost(name));
    for (const { id } of some) found.add(id);
  }
  return found.size > MOST_HOSTS ? fail(tooMany(found.size)) : ok([...found]);
}

/** `all`: every order that there is or was. */
function viewOf(
  id: string,
  orders: readonly Order[],
  { all, snapshot }: { readonly all: readonly Order[]; readonly snapshot: Snapshot | undefined },
): RollingView {
  const nameOf = ({ host, hostName = host }: Order): string =>
    snapshot?.hosts.find((one) => one.id === host)?.name ?? hostName;
  const isGone = ({ host }: Order): boolean =>
    snapshot !== undefined && snapshot.hosts.every(({ id }) => id !== host);
  const of = (state: Order['state']): readonly Order[] =>
    orders.filter((order) => order.state === state);
  const stateText = (order: Order): string => {
    const { state, hook } = order;
    if (isGone(order)) return `${state}, not in the fleet any more`;
    const newer = state === 'closed' ? newerOrder(order, all) : undefined;
    if (newer !== undefined) return orderedText(newer);
    return hook === undefined || state !== 'open'
      ? state
      : `${state}, hook ${hook.name} ${hook.state}`;
  };
  const isOver = (order: Order): boolean => !isCutOff(order, all);
  const cutOff = of('closed').filter((order) => !isOver(order));
  const active = [...cutOff, ...of('open'), ...of('returning')];
  return {
    id,
    reason: orders[0]?.reason ?? '',
    by: orders[0]?.by.name ?? '',
    // One that was cancelled before its turn was never returned.
    done: of('closed')
      .filter((order) => order.progress !== undefined && isOver(order))
      .map(nameOf),
    active: active.map((order) => ({ host: nameOf(order), state: stateText(order) })),
    waiting: of('waiting').map(nameOf),
    heldBy: of('waiting').find(({ rolling }) => rolling?.heldBy)?.rolling?.heldBy ?? null,
  };
}

function unknownHost(name: string): ApiProblem {
  return {
    status: 404,
    code: 'not-found',
    detail: `no host and no cluster is called ${JSON.stringify(name)}`,
    hint: 'drover hosts lists what is known',
  };
}

function tooMany(count: number): ApiProblem {
  return {
    status: 400,
    code: 'too-many-hosts',
    detail: `${count} hosts at once, at most ${MOST_HOSTS}`,
    hint: 'start it for one cluster after the other',
  };
}

function underOrder({ host, kind, rolling }: Order): ApiProblem {
  const what = rolling === undefined ? kind : `rolling maintenance ${rolling.id}`;
  return {
    status: 409,
    code: 'under-order',
    detail: `there is an order for the host ${host} already (${what})`,
    hint: 'drover maintenance status shows it; drover maintenance exit HOST, or leave the host out',
  };
}

function unknownRolling(id: string): ApiProblem {
  return {
    status: 404,
    code: 'not-found',
    detail: `no rolling maintenance ${JSON.stringify(id)} is under way`,
    hint: 'drover maintenance status lists them',
  };
}
