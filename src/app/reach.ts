/**
 * What of the fleet is this controller's to act on, for one tick. The rest is looked at all the
 * same: rules see it, people are shown it, placement rules count it. But nothing is planned there.
 */

import { takesIn } from '../domain/compatibility.ts';
import type { Finding } from '../domain/finding.ts';
import type { Host } from '../domain/host.ts';
import type { HostId } from '../domain/ids.ts';
import type { Order } from '../domain/order.ts';
import type { Snapshot } from '../domain/snapshot.ts';

/** Whether this controller acts on the host, by what `seen` shows of it. */
export type Holds = (host: Host, seen: Pick<Snapshot, 'askedAt'>) => boolean;

export class Reach {
  /** Every host is this controller's: the usual case, of a controller that is alone. */
  readonly isAll: boolean;
  readonly hosts: ReadonlySet<HostId>;

  constructor(snapshot: Snapshot, holds: Holds) {
    const own = snapshot.hosts.filter((host) => holds(host, snapshot));
    this.hosts = new Set(own.map(({ id }) => id));
    this.isAll = this.hosts.size === snapshot.hosts.length;
  }

  /** The hosts that rules' memory is kept of; undefined: of all. */
  get about(): ReadonlySet<HostId> | undefined {
    return this.isAll ? undefined : this.hosts;
  }

  ownOrders(orders: readonly Order[]): readonly Order[] {
    return this.isAll ? orders : orders.filter(({ host }) => this.hosts.has(host));
  }

  foreignOrders(orders: readonly Order[]): readonly Order[] {
    return this.isAll ? [] : orders.filter(({ host }) => !this.hosts.has(host));
  }

  /** With the hosts of this controller only. */
  ownHosts(snapshot: Snapshot): Snapshot {
    if (this.isAll) return snapshot;
    return { ...snapshot, hosts: snapshot.hosts.filter(({ id }) => this.hosts.has(id)) };
  }

  /** The fleet as it is to be planned: elsewhere nothing moves in, out or about. */
  planned(snapshot: Snapshot): Snapshot {
    if (this.isAll) return snapshot;
    const hosts = snapshot.hosts.map((host): Host => {
      if (this.hosts.has(host.id) || !takesIn(host.state)) return host;
      return { ...host, state: 'quarantined', actedOnElsewhere: true };
    });
    const vms = snapshot.vms.map((vm) => {
      return this.hosts.has(vm.host) ? vm : ({ ...vm, permission: 'observe' } as const);
    });
    return { ...snapshot, hosts, vms };
  }

  /** What this controller is to do something about. */
  ownFindings(findings: readonly Finding[], { vms }: Snapshot): readonly Finding[] {
    if (this.isAll) return findings;
    const here = new Set(vms.filter(({ host }) => this.hosts.has(host)).map(({ id }) => id));
    return findings.filter(({ subject }) => {
      if (subject.kind === 'host') return this.hosts.has(subject.host);
      return subject.kind === 'fleet' || here.has(subject.vm);
    });
  }
}
