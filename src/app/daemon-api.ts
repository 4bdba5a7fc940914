/**
 * The daemon as HTTP sees it. Reads come from the newest tick's state and the ledger; writes are
 * orders, which the next tick takes up. Nothing here moves a VM.
 */

import { fleetPieces } from '../config/fleet-file.ts';
import { formatPlanOutput } from '../config/plan-output.ts';
import type { MoveProgress } from '../domain/events.ts';
import type { Host } from '../domain/host.ts';
import type { HistoryEntry } from '../domain/journal.ts';
import { type HostId, isIdText, type PlanId, planId } from '../domain/ids.ts';
import type { Order } from '../domain/order.ts';
import { assertNever, fail, ok, type Result } from '../domain/result.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Vm } from '../domain/vm.ts';
import type {
  AlertInput,
  AlertOutcome,
  Api,
  ApiProblem,
  ApplyView,
  ApprovalView,
  Area,
  AreaRequest,
  BreakerView,
  CancelView,
  EstimateRequest,
  EstimateView,
  HistoryRequest,
  HostView,
  LeaseView,
  LocateView,
  MigrationView,
  ObservedRequest,
  ObservedView,
  OrderRequest,
  OrdersRequest,
  OrderView,
  RollingPlanView,
  RollingRequest,
  RollingView,
  StatusView,
  VmView,
  WhyView,
} from '../ports/api.ts';
import type { HostFailures } from '../execute/host-failures.ts';
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { AlertDesk } from './alert-desk.ts';
import type { ApplyDesk } from './apply-desk.ts';
import { approvalView } from './approval-text.ts';
import { NOT_YET, noPlan, noPlanWaits, notApplied, unknown, unknownHook } from './api-problems.ts';
import type { ApproveAnswer } from './dispatcher.ts';
import { areaOrders, areaText, hostsIn, orderViews, returnArea } from './areas.ts';
import { breakersOfHost, type BreakerParts, resetBreaker } from './breaker-desk.ts';
import type { CancelDesk } from './cancel-desk.ts';
import type { CancelRequest } from './cancel-moves.ts';
import type { Estimator } from './estimator.ts';
import { giveOrders } from './give-orders.ts';
import { historyWithOpenMoves } from './history.ts';
import { observedView } from './observed-view.ts';
import { askedPlanHistory } from './plan-history.ts';
import { confirmLease } from './lease-desk.ts';
import { findLost, lostHistory, type LostVms, type NamedVm } from './lost-vms.ts';
import type { OrderDesk } from './order-desk.ts';
import type { InForce } from './order-text.ts';
import type { PolicyStore } from './policy-store.ts';
import { returnHost } from './return-host.ts';
import type { RollingDesk } from './rolling-desk.ts';
import { statusView, type StatusParts } from './status.ts';
import type { TickState } from './tick.ts';
import { findNamed, hostViews, vmViews } from './views.ts';
import { whyHost, whyVm } from './why.ts';

export interface ApiParts extends StatusParts {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly policies: PolicyStore;
  readonly orders: OrderDesk;
  readonly alerts: AlertDesk;
  readonly applying: ApplyDesk;
  readonly cancels: Pick<CancelDesk, 'cancel'>;
  readonly breakers: BreakerParts['board'];
  /** Names of the configured hooks. */
  readonly hooks: readonly string[];
  readonly rolling: RollingDesk;
  readonly estimator: Pick<Estimator, 'estimate'>;
  readonly failures: Pick<HostFailures, 'readmit' | 'ofGone' | 'forgetGone'>;
  readonly lost: LostVms;
  readonly state: () => TickState | undefined;
  readonly progress: () => ReadonlyMap<string, MoveProgress>;
  /** Asks every host of the VM's source where it is. */
  readonly locate: (vm: NamedVm) => Promise<Pick<LocateView, 'sightings' | 'blind'>>;
  readonly approve: (plan: PlanId, by: string) => Promise<ApproveAnswer>;
  /** What stands in the way of being ready; empty: ready. */
  readonly unready: () => readonly string[];
}

const LOCATE_HISTORY = 5;
const WHY_HISTORY = 10;

export class DaemonApi implements Api {
  readonly #parts: ApiParts;

  constructor(parts: ApiParts) {
    this.#parts = parts;
  }

  readiness(): { readonly ready: boolean; readonly reasons: readonly string[] } {
    const reasons = this.#parts.unready();
    return { ready: reasons.length === 0, reasons };
  }

  status(): StatusView {
    return statusView(this.#parts, this.#parts.state());
  }

  hosts(): IteratorObject<HostView> {
    const state = this.#parts.state();
    return state === undefined ? [].values() : hostViews(state.snapshot, state.findings);
  }

  vms(): IteratorObject<VmView> {
    const state = this.#parts.state();
    return state === undefined ? [].values() : vmViews(state.snapshot);
  }

  async migrations(limit: number): Promise<readonly MigrationView[]> {
    const records = await this.#parts.ledger.recentMoves(limit);
    const progress = this.#parts.progress();
    const names = new Map(this.#hosts().map((host) => [host.id, host.name]));
    return records.map((record) => ({
      record,
      fromName: names.get(record.move.from) ?? record.move.from,
      toName: names.get(record.move.to) ?? record.move.to,
      progress: progress.get(record.move.id) ?? null,
    }));
  }

  async history(request: HistoryRequest): Promise<Result<readonly HistoryEntry[], ApiProblem>> {
    const { about, plan, limit } = request;
    if (plan !== undefined) return askedPlanHistory(this.#parts.ledger, plan, limit);
    if (about === undefined) return ok(await historyWithOpenMoves(this.#parts.ledger, { limit }));
    const vm = this.#findVm(about);
    if (vm !== undefined) {
      return ok(await historyWithOpenMoves(this.#parts.ledger, { vm: vm.id, limit }));
    }
    const host = this.#findHost(about);
    if (host !== undefined) {
      return ok(await historyWithOpenMoves(this.#parts.ledger, { host: host.id, limit }));
    }
    const lines = this.#isShared(about) ? undefined : await lostHistory(this.#parts, about, limit);
    return lines === undefined ? fail(unknown('VM or host', about)) : ok(lines);
  }

  observed(request: ObservedRequest): Promise<ObservedView> {
    return observedView(this.#parts, this.#snapshot(), request);
  }

  async locate(name: string): Promise<Result<LocateView, ApiProblem>> {
    const there = this.#findVm(name);
    const isLost = there === undefined && !this.#isShared(name);
    const vm = isLost ? await findLost(this.#parts, name) : there;
    if (vm === undefined) return fail(unknown('VM', name));
    const [found, lastMoves] = await Promise.all([
      this.#parts.locate(vm),
      historyWithOpenMoves(this.#parts.ledger, { vm: vm.id, limit: LOCATE_HISTORY }),
    ]);
    return ok({ vm: vm.id, name: vm.name, ...found, lastMoves });
  }

  async why(name: string, only?: string): Promise<Result<WhyView, ApiProblem>> {
    const state = this.#parts.state();
    if (state === undefined) return fail(NOT_YET);
    const vm = this.#findVm(name);
    const { policies, rules } = this.#parts.policies;
    if (vm !== undefined) {
      const history = await historyWithOpenMoves(this.#parts.ledger, {
        vm: vm.id,
        limit: WHY_HISTORY,
      });
      const target = only === undefined ? undefined : this.#findHost(only);
      if (only !== undefined && target === undefined) return fail(unknown('host', only));
      const isWaiting = this.#parts.waitingForPlace().some((move) => move.vm === vm.id);
      const asked = { vm: vm.id, only: target?.id, isWaiting };
      return ok({ about: 'vm', ...whyVm(state, policies, asked, history) });
    }
    const host = this.#findHost(name);
    if (host === undefined) return fail(unknown('VM or host', name));
    const memory = await this.#parts.ledger.ruleMemory();
    const breakers = breakersOfHost(this.#parts.breakers.all, host);
    return ok({ about: 'host', ...whyHost(state, rules, memory, host.id), breakers });
  }

  fleetFile(): Result<Iterable<string>, ApiProblem> {
    const state = this.#parts.state();
    if (state === undefined) return fail(NOT_YET);
    return ok(fleetPieces(state.snapshot, state.orders));
  }

  latestPlan(): Result<unknown, ApiProblem> {
    const state = this.#parts.state();
    if (state?.result === undefined) return fail(noPlan(state?.rejected));
    return ok(formatPlanOutput(state.result));
  }

  orders(): Promise<readonly Order[]> {
    return this.#parts.ledger.orders(false);
  }

  async giveOrder(request: OrderRequest): Promise<Result<OrderView, ApiProblem>> {
    const { host, ...rest } = request;
    const given = await this.giveOrders({ ...rest, hosts: [host] });
    if (!given.ok) return given;
    const [view] = given.value;
    return view === undefined ? fail(unknown('host', host)) : ok(view);
  }

  async giveOrders(request: OrdersRequest): Promise<Result<readonly OrderView[], ApiProblem>> {
    const state = this.#parts.state();
    if (state === undefined) return fail(NOT_YET);
    const problem = this.#hookProblem(request);
    if (problem !== undefined) return fail(problem);
    const { orders } = this.#parts;
    return giveOrders({ orders, inForce: this.#inForce() }, request, state.snapshot);
  }

  async estimate(request: EstimateRequest): Promise<Result<EstimateView, ApiProblem>> {
    const state = this.#parts.state();
    if (state === undefined) return fail(NOT_YET);
    const hosts = new Set<HostId>();
    for (const name of request.hosts) {
      const host = this.#findHost(name);
      if (host === undefined) return fail(unknown('host', name));
      hosts.add(host.id);
    }
    return ok(await this.#parts.estimator.estimate({ ...request, hosts: [...hosts] }, state));
  }

  returnHost(name: string, by: string): Promise<Result<OrderView, ApiProblem>> {
    const findHost = (one: string): Host | undefined => this.#findHost(one);
    const sources = (): Snapshot['sources'] => this.#snapshot()?.sources ?? [];
    const inForce = (): InForce => this.#inForce();
    const gone = this.#parts.failures;
    return returnHost({ ...this.#parts, findHost, sources, inForce, gone }, name, by);
  }

  async setPaused(paused: boolean, by: string): Promise<void> {
    const { clock, killSwitch, ledger } = this.#parts;
    const at = clock.now();
    // First the switch itself: it must work also where its record cannot be written.
    await killSwitch.turn({ paused, by }, at);
    const about = { vm: undefined, host: undefined, from: undefined, move: undefined };
    const text = `${paused ? 'paused' : 'resumed'} by ${by}`;
    await ledger.addHistory([{ at, kind: 'order', ...about, text }]);
  }

  async approve(plan: string, by: string): Promise<Result<ApprovalView, ApiProblem>> {
    if (!isIdText(plan)) return fail(noPlanWaits(plan));
    const answer = await this.#parts.approve(planId(plan), by);
    switch (answer.kind) {
      case 'approved':
        return ok(approvalView(answer));
      case 'unknown':
        return fail(noPlanWaits(plan));
      case 'no-plan':
        return fail(noPlan(this.#parts.state()?.rejected));
      default:
        return assertNever(answer, 'answer to an approval');
    }
  }

  async apply(plan: unknown, by: string): Promise<Result<ApplyView, ApiProblem>> {
    const state = this.#parts.state();
    return state === undefined ? fail(NOT_YET) : this.#parts.applying.apply(plan, by, state);
  }

  async applied(id: string): Promise<Result<ApplyView, ApiProblem>> {
    const view = await this.#parts.applying.view(id);
    return view === undefined ? fail(notApplied(id)) : ok(view);
  }

  async cancel(request: CancelRequest): Promise<Result<CancelView, ApiProblem>> {
    const answer = await this.#parts.cancels.cancel(request);
    // Before the first look nobody knows which VMs, hosts and open moves there are.
    const isUnknown = !answer.ok && answer.error.code === 'not-found';
    return isUnknown && this.#parts.state() === undefined ? fail(NOT_YET) : answer;
  }

  resetBreaker(name: string, by: string): Promise<Result<BreakerView, ApiProblem>> {
    const findVm = (one: string): Vm | undefined => this.#findVm(one);
    const findHost = (one: string): Host | undefined => this.#findHost(one);
    return resetBreaker({ board: this.#parts.breakers, findVm, findHost }, name, by);
  }

  confirmLease(cluster: string, by: string): Promise<Result<LeaseView, ApiProblem>> {
    return confirmLease(this.#parts.leases, cluster, by);
  }

  async alerts(alerts: readonly AlertInput[]): Promise<readonly AlertOutcome[]> {
    const state = this.#parts.state();
    // Readiness was checked by the server; without a snapshot no host is known.
    if (state === undefined) return [];
    return this.#parts.alerts.take(alerts, state.snapshot);
  }

  async evacuateArea(request: AreaRequest): Promise<Result<readonly OrderView[], ApiProblem>> {
    const state = this.#parts.state();
    if (state === undefined) return fail(NOT_YET);
    const hosts = hostsIn(request.area, state.snapshot);
    if (hosts.length === 0) return fail(unknown(request.area.kind, request.area.name));
    const given = await this.#parts.orders.giveAll(areaOrders(request, hosts), state.snapshot);
    return ok(orderViews(given, hosts, this.#inForce()));
  }

  async estimateArea(request: AreaRequest): Promise<Result<EstimateView, ApiProblem>> {
    const state = this.#parts.state();
    if (state === undefined) return fail(NOT_YET);
    const hosts = hostsIn(request.area, state.snapshot).map(({ id }) => id);
    if (hosts.length === 0) return fail(unknown(request.area.kind, request.area.name));
    const { deadlineSeconds } = request;
    const wanted = {
      kind: 'evacuate',
      hosts,
      deadlineSeconds,
      area: areaText(request.area),
    } as const;
    return ok(await this.#parts.estimator.estimate(wanted, state));
  }

  async returnArea(area: Area, by: string): Promise<Result<readonly OrderView[], ApiProblem>> {
    const hosts = hostsIn(area, this.#snapshot());
    if (hosts.length === 0) return fail(unknown(area.kind, area.name));
    return returnArea({ ...this.#parts, inForce: this.#inForce() }, area, { hosts, by });
  }

  async startRolling(request: RollingRequest): Promise<Result<RollingPlanView, ApiProblem>> {
    const state = this.#parts.state();
    if (state === undefined) return fail(NOT_YET);
    const problem = this.#hookProblem(request);
    return problem === undefined ? this.#parts.rolling.start(request, state) : fail(problem);
  }

  rollings(): Promise<readonly RollingView[]> {
    return this.#parts.rolling.list(this.#snapshot());
  }

  steerRolling(
    id: string,
    what: 'pause' | 'resume' | 'cancel',
    by: string,
  ): Promise<Result<RollingView, ApiProblem>> {
    return this.#parts.rolling.steer(id, what, { by, snapshot: this.#snapshot() });
  }

  #hookProblem({ hook }: { readonly hook?: string | undefined }): ApiProblem | undefined {
    const known = this.#parts.hooks;
    return hook === undefined || known.includes(hook) ? undefined : unknownHook(hook, known);
  }

  #inForce(): InForce {
    const { killSwitch, policies } = this.#parts;
    return { policies: policies.policies, paused: killSwitch.position.paused };
  }

  #snapshot(): Snapshot | undefined {
    return this.#parts.state()?.snapshot;
  }

  #hosts(): readonly Host[] {
    return this.#snapshot()?.hosts ?? [];
  }

  #findHost(name: string): Host | undefined {
    return findNamed(this.#hosts(), name);
  }

  /** Several are called so: which of them is meant nobody knows. */
  #isShared(name: string): boolean {
    const things = [...this.#hosts(), ...(this.#snapshot()?.vms ?? [])];
    return things.some((thing) => thing.name === name);
  }

  #findVm(name: string): Vm | undefined {
    return findNamed(this.#snapshot()?.vms ?? [], name);
  }
}
