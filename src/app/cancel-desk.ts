/**
 * Cancels, whichever controller they are asked of. What is about a cluster of this controller is
 * done at once (cancel-moves.ts). What is about another's is written into the ledger as a wish;
 * whoever acts there looks for wishes with every renewal of its leases, and carries them out by the
 * same code, as if it had been asked itself. The history says who asked, where, who carried it out
 * and what came of it; or that nobody did in time, and nothing was done.
 */

import { type CancelWish, type NewCancelWish, WISH_SECONDS } from '../domain/cancel-wish.ts';
import type { Host } from '../domain/host.ts';
import { type ClusterId, type HostId, isIdText, moveId, planId, type VmId } from '../domain/ids.ts';
import type { HistoryEntry } from '../domain/journal.ts';
import { leaseScope } from '../domain/lease.ts';
import { ok, type Result } from '../domain/result.ts';
import type { LeaseKeeper } from '../execute/lease-keeper.ts';
import { isLeaseLost } from '../execute/lost-lease.ts';
import type { MoveLeases } from '../execute/move-leases.ts';
import type { ApiProblem, CancelView, PassedOnCancel } from '../ports/api.ts';
import type { EventSink } from '../ports/events.ts';
import type { Ledger } from '../ports/ledger.ts';
import { cancelMoves, type CancelParts, type CancelRequest } from './cancel-moves.ts';

export interface CancelDeskParts extends CancelParts {
  readonly ledger: CancelParts['ledger'] &
    Pick<Ledger, 'decision' | 'decisions' | 'openMoves'> &
    Wishes;
  readonly keeper: Pick<LeaseKeeper, 'isShared' | 'mayAct' | 'name' | 'states'>;
  readonly leases: Pick<MoveLeases, 'clustersOf' | 'onCluster'>;
  readonly events: EventSink;
  readonly newId: () => string;
}

type Wishes = Pick<
  Ledger,
  'askCancel' | 'beginCancel' | 'cancelWishes' | 'endCancel' | 'expireCancels'
>;

/** What a name means that is, or may be, another controller's affair. */
interface Abroad extends Pick<NewCancelWish, 'name' | 'what' | 'vm' | 'host'> {
  readonly clusters: readonly ClusterId[];
}

/** Decisions in which a move is looked for that nobody has begun yet. */
const NEWEST_DECISIONS = 20;

export class CancelDesk {
  readonly #parts: CancelDeskParts;

  constructor(parts: CancelDeskParts) {
    this.#parts = parts;
  }

  /** Rejects with LedgerError. */
  async cancel(request: CancelRequest): Promise<Result<CancelView, ApiProblem>> {
    const { keeper } = this.#parts;
    const about = keeper.isShared ? await this.#find(request.name) : undefined;
    const away = about?.clusters.filter((one) => keeper.mayAct(one) === undefined) ?? [];
    if (about === undefined || away.length === 0) return cancelMoves(this.#parts, request);
    const passedOn: PassedOnCancel[] = [];
    for (const cluster of away) passedOn.push(await this.#passOn(about, cluster, request));
    const isHereToo = away.length < about.clusters.length;
    const here = isHereToo ? await cancelMoves(this.#parts, request) : undefined;
    // Whoever asks is told of both; that there is nothing to stop here is no failure of the rest.
    const notes = passedOn.map(({ text }) => text);
    if (here === undefined) return ok({ moves: [], notes, passedOn });
    if (!here.ok) return ok({ moves: [], notes: [here.error.detail, ...notes], passedOn });
    return ok({ ...here.value, notes: [...here.value.notes, ...notes], passedOn });
  }

  /** Carries out what others were asked for and is to be done here. Idempotent. */
  async beat(): Promise<void> {
    const { events, keeper, ledger } = this.#parts;
    if (!keeper.isShared) return;
    const wishes = await ledger.cancelWishes();
    for (const wish of wishes) {
      if (keeper.mayAct(wish.cluster) === undefined) continue;
      try {
        await this.#carryOut(wish);
      } catch (error) {
        // Its next holder finds it begun; the others are not to wait for it.
        if (!isLeaseLost(error))
          events.emit('failure', { where: `the cancel of ${wish.what}`, error });
      }
    }
    if (!wishes.some(({ state }) => state === 'open')) return;
    for (const wish of await ledger.expireCancels((one) => this.#line(one, expiryText(one)))) {
      events.emit('warning', { key: `cancel ${wish.id}`, text: expiryText(wish) });
    }
  }

  async #carryOut(wish: CancelWish): Promise<void> {
    const { keeper, ledger, leases } = this.#parts;
    const { id, name, by, via, withdraw, cluster } = wish;
    if (!(await ledger.beginCancel(id, keeper.name, leases.onCluster(cluster)))) return;
    const answer = await cancelMoves(this.#parts, { name, by: `${by} at ${via}`, withdraw });
    const text = answer.ok ? viewText(answer.value) : problemText(answer.error);
    const told = `${wish.what}: the cancel that ${by} asked for at ${via} was carried out by `;
    await ledger.endCancel(id, text, this.#line(wish, `${told}${keeper.name}: ${text}`));
  }

  async #passOn(
    about: Abroad,
    cluster: ClusterId,
    { by, withdraw }: CancelRequest,
  ): Promise<PassedOnCancel> {
    const { clock, keeper, ledger, newId } = this.#parts;
    const { name, what, vm, host } = about;
    const at = clock.now();
    const via = keeper.name;
    const wish = { id: newId(), cluster, name, what, vm, host, withdraw, by, via, at };
    const line = this.#line(wish, `${what}: cancel asked for by ${by} at ${via}, for ${cluster}`);
    const { id } = await ledger.askCancel(wish, WISH_SECONDS, line);
    const holder = keeper.states().find((one) => one.cluster === cluster)?.holder ?? '';
    const to = holder === '' ? null : holder;
    return { id, cluster, to, text: passedOnText(what, cluster, to) };
  }

  /** Undefined: nobody here or elsewhere is known to have such a thing. */
  async #find(name: string): Promise<Abroad | undefined> {
    const { executor, findVm, findHost, ledger } = this.#parts;
    if (executor.open.some(({ id }) => id === name)) return undefined;
    const vm = findVm(name);
    if (vm !== undefined) {
      const open = (await ledger.openMoves()).find(({ move }) => move.vm === vm.id);
      const scopes =
        open === undefined ? this.#scopes([vm.host]) : this.#parts.leases.clustersOf(open);
      // The holder of a move has all of its leases: any of them will do.
      return {
        name: vm.id,
        what: vm.name,
        vm: vm.id,
        host: undefined,
        clusters: scopes.slice(0, 1),
      };
    }
    const host = findHost(name);
    if (host !== undefined) return this.#aboutHost(host, host.id, host.name);
    return isIdText(name) ? this.#findRecord(name) : undefined;
  }

  async #findRecord(name: string): Promise<Abroad | undefined> {
    const { applying, executor, findHost, ledger, newest } = this.#parts;
    const record = await ledger.move(moveId(name));
    if (record?.result !== undefined) return undefined;
    if (record !== undefined) {
      const what = `the move ${name} of ${record.vmName}`;
      const clusters = this.#parts.leases.clustersOf(record).slice(0, 1);
      return { name, what, vm: record.move.vm, host: undefined, clusters };
    }
    const order = (await ledger.orders(true)).find(({ id }) => id === name);
    const left = order === undefined ? undefined : findHost(order.host);
    if (left !== undefined) return this.#aboutHost(left, name, `the order ${name}`);
    // What an earlier life of this controller was applying is its own, from its first moment.
    await applying.takeUp();
    const isOurs =
      newest()?.result?.plan.id === name ||
      applying.isNewest(name) ||
      executor.openOf(planId(name)).length > 0;
    if (isOurs) return undefined;
    const plan = (await ledger.decision(planId(name)))?.result.plan;
    if (plan !== undefined) {
      const clusters = this.#scopes(plan.moves.map(({ from }) => from));
      return { name, what: `the plan ${name}`, vm: undefined, host: undefined, clusters };
    }
    return this.#findWaiting(name);
  }

  /**
   * A move that waits at another controller: only the plan that it is of says so. Its next plan
   * gives it another id: it is known there by its VM.
   */
  async #findWaiting(name: string): Promise<Abroad | undefined> {
    for (const { result } of await this.#parts.ledger.decisions(NEWEST_DECISIONS)) {
      const move = result.plan.moves.find(({ id }) => id === name);
      if (move === undefined) continue;
      const { vm, from } = move;
      const what = `the move ${name} of ${this.#parts.findVm(vm)?.name ?? vm}`;
      return { name: vm, what, vm, host: undefined, clusters: this.#scopes([from]) };
    }
    return undefined;
  }

  #aboutHost(host: Host, name: string, what: string): Abroad {
    return { name, what, vm: undefined, host: host.id, clusters: [leaseScope(host)] };
  }

  #scopes(hosts: readonly HostId[]): readonly ClusterId[] {
    const known = hosts.flatMap((id) => this.#parts.findHost(id) ?? []);
    return [...new Set(known.map(leaseScope))];
  }

  #line(
    { vm, host }: { readonly vm: VmId | undefined; readonly host: HostId | undefined },
    text: string,
  ): HistoryEntry {
    const at = this.#parts.clock.now();
    return { at, kind: 'order', vm, host, from: undefined, move: undefined, text };
  }
}

function passedOnText(what: string, cluster: string, to: string | null): string {
  const who = to === null ? `nobody acts on ${cluster} at the moment` : `${to} acts on ${cluster}`;
  const minutes = WISH_SECONDS / 60;
  return (
    `${what}: ${who}; the cancel is passed on, and drover history tells what came of it. If ` +
    `nobody has begun it in ${minutes} min it is over, and nothing was cancelled`
  );
}

/** It was there when the cancel was asked for. */
function problemText({ code, detail }: ApiProblem): string {
  return code === 'not-found' ? 'nothing of it is left to stop' : detail;
}

function viewText({ moves, notes }: CancelView): string {
  const texts = [...moves.map(({ text }) => text), ...notes];
  return texts.length === 0 ? 'nothing of it is left to stop' : texts.join('; ');
}

function expiryText({ what, by, via, cluster }: CancelWish): string {
  const minutes = WISH_SECONDS / 60;
  return (
    `${what}: the cancel that ${by} asked for at ${via} is over: nobody who acts on ${cluster} ` +
    `has begun it in ${minutes} min, and nothing was cancelled`
  );
}
