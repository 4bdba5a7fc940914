/** The desk for cancels, made of what the daemon consists of. */

import type { LeaseHouse } from './lease-parts.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Host } from '../domain/host.ts';
import { Turns } from '../domain/turns.ts';
import type { Executor } from '../execute/executor.ts';
import type { HostFailures } from '../execute/host-failures.ts';
import type { ApplyDesk } from './apply-desk.ts';
import { CancelDesk } from './cancel-desk.ts';
import type { KillSwitch } from './kill-switch.ts';
import type { DaemonMemory } from './memory.ts';
import type { OrderDesk } from './order-desk.ts';
import type { PolicyStore } from './policy-store.ts';
import { returnHost } from './return-host.ts';
import type { Tick } from './tick.ts';
import { findNamed } from './views.ts';

export interface CancelsGiven extends LeaseHouse {
  readonly ledger: Ledger;
  readonly events: EventSink;
  readonly executor: Executor;
  readonly applying: ApplyDesk;
  readonly orders: OrderDesk;
  readonly failures: HostFailures;
  readonly killSwitch: KillSwitch;
  readonly memory: DaemonMemory;
  readonly policies: PolicyStore;
  readonly tick: Tick;
  readonly clock: Clock;
  readonly newId: () => string;
}

export function makeCancels(given: CancelsGiven): CancelDesk {
  const { ledger, orders, failures, killSwitch, memory, policies, tick, moves } = given;
  const findHost = (name: string): Host | undefined =>
    findNamed(memory.snapshot?.hosts ?? [], name);
  const inForce = () => ({
    policies: policies.policies,
    paused: killSwitch.position.paused,
  });
  const sources = () => memory.snapshot?.sources ?? [];
  const returning = { ledger, orders, failures, findHost, sources, inForce };
  return new CancelDesk({
    ...given,
    leases: moves,
    turns: new Turns(),
    limits: () => policies.policies.limits,
    newest: () => tick.state,
    findVm: (name) => findNamed(memory.snapshot?.vms ?? [], name),
    findHost,
    withdraw: (host, by) => returnHost(returning, host, by),
  });
}
