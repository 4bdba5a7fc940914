/**
 * Names and types of what the container can make, and how a factory takes several at once. The
 * container itself knows only symbols; `Parts` is where a symbol gets its type.
 */

import type { Container, ResolutionContext } from 'inversify';

import type { Collector } from '../collect/collector.ts';
import type { BreakerBoard } from '../execute/breaker-board.ts';
import type { Executor } from '../execute/executor.ts';
import type { HostFailures } from '../execute/host-failures.ts';
import type { HostLadder } from '../execute/host-ladder.ts';
import type { EventBus } from '../observe/event-bus.ts';
import type { MetricsRegistry } from '../observe/metrics.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { HttpServer } from '../serve/server.ts';
import type { AlertDesk } from './alert-desk.ts';
import type { ApplyDesk } from './apply-desk.ts';
import type { CancelDesk } from './cancel-desk.ts';
import type { ConfigNotes } from './config-notes.ts';
import type { Daemon } from './daemon.ts';
import type { DaemonApi } from './daemon-api.ts';
import type { DecisionArchive } from './decision-archive.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Experience } from './experience.ts';
import type { KillSwitch } from './kill-switch.ts';
import type { DaemonMemory } from './memory.ts';
import type { Estimator } from './estimator.ts';
import type { HookRuns } from './hook-runs.ts';
import type { LedgerWatch } from './ledger-watch.ts';
import type { LeaseHouse } from './lease-parts.ts';
import type { OrderDesk } from './order-desk.ts';
import type { PlanRunner } from './planner.ts';
import type { PolicyStore } from './policy-store.ts';
import type { Rolling } from './rolling.ts';
import type { Sources } from './sources.ts';
import type { Tick } from './tick.ts';

export interface Parts {
  readonly registry: MetricsRegistry;
  readonly events: EventBus;
  readonly killSwitch: KillSwitch;
  readonly memory: DaemonMemory;
  /** As it was opened: for who keeps the leases. */
  readonly store: Ledger;
  readonly leases: LeaseHouse;
  /** The same, for everybody else: what is written about a move needs its leases. */
  readonly ledger: Ledger;
  /** Whether `ledger` can be written. */
  readonly ledgerState: LedgerWatch;
  readonly policies: PolicyStore;
  /** Its hypervisors refuse every side effect without a lease. */
  readonly sources: Sources;
  readonly collector: Collector;
  readonly planner: PlanRunner;
  readonly experience: Experience;
  readonly ladder: HostLadder;
  readonly failures: HostFailures;
  readonly orders: OrderDesk;
  readonly hooks: HookRuns;
  readonly estimator: Estimator;
  readonly rolling: Rolling;
  readonly alerts: AlertDesk;
  readonly applying: ApplyDesk;
  readonly breakers: BreakerBoard;
  readonly executor: Executor;
  readonly archive: DecisionArchive;
  readonly dispatcher: Dispatcher;
  readonly notes: ConfigNotes;
  readonly tick: Tick;
  readonly cancels: CancelDesk;
  readonly api: DaemonApi;
  readonly server: HttpServer;
  readonly daemon: Daemon;
}

export type PartName = keyof Parts;

function symbolOf(name: PartName): symbol {
  return Symbol.for(`drover.${name}`);
}

/** Says how a part is made; it is made once, when it is first needed. */
export function bindPart<Name extends PartName>(
  container: Container,
  name: Name,
  make: (take: Take) => Parts[Name] | Promise<Parts[Name]>,
): void {
  container
    .bind<Parts[Name]>(symbolOf(name))
    .toDynamicValue((context: ResolutionContext) => make(takeFrom(context)))
    .inSingletonScope();
}

/** Gives the named parts, making those that are not there yet. */
export type Take = <Name extends PartName>(...names: Name[]) => Promise<Pick<Parts, Name>>;

function takeFrom(context: Pick<ResolutionContext, 'getAsync'>): Take {
  return async <Name extends PartName>(...names: Name[]) => {
    const taken: Partial<Parts> = {};
    // One after the other, so that parts are made (and later closed) in a known order.
    for (const name of names) {
      const part = await context.getAsync<Parts[Name]>(symbolOf(name));
      Object.assign(taken, { [name]: part });
    }
    // Every requested name was just assigned.
    return taken as Pick<Parts, Name>;
  };
}

/** Makes a part and all that it needs. */
export function getPart<Name extends PartName>(
  container: Container,
  name: Name,
): Promise<Parts[Name]> {
  return container.getAsync<Parts[Name]>(symbolOf(name));
}
