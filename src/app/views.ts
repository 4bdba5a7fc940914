/**
 * Pure: what the API shows of hosts and VMs, from a snapshot; each is made as it is asked for.
 * Unknown stays null.
 */

import { cpuCapacity, memoryCapacity, memoryNeed } from '../domain/demand.ts';
import type { Finding } from '../domain/finding.ts';
import type { Host } from '../domain/host.ts';
import type { Measured } from '../domain/measured.ts';
import { guestsOf } from '../domain/snapshot-index.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { ratio } from '../domain/units.ts';
import type { Vm } from '../domain/vm.ts';
import type { HostView, VmView } from '../ports/api.ts';

/** Shown against what is there, whatever the policy would overcommit. */
const NO_OVERCOMMIT = ratio(1);

export function hostViews(
  snapshot: Snapshot,
  findings: readonly Finding[],
): IteratorObject<HostView> {
  const findingsOf = Map.groupBy(findings, ({ subject }) =>
    subject.kind === 'host' ? subject.host : undefined,
  );
  return snapshot.hosts
    .values()
    .map((host) => hostView(host, guestsOf(snapshot, host.id), findingsOf.get(host.id) ?? []));
}

/** `findings`: about the host. */
function hostView(host: Host, vms: readonly Vm[], findings: readonly Finding[]): HostView {
  const used = valueOf(host.metrics['cpu.used']?.mean);
  const configured = vms.reduce((sum, vm) => sum + memoryNeed(vm), 0);
  return {
    id: host.id,
    name: host.name,
    source: host.source,
    cluster: host.cluster ?? null,
    state: host.state,
    connection: host.connection,
    threads: host.cpu.threads,
    cpuRatio: used === null ? null : used / cpuCapacity(host),
    memoryRatio: configured / Math.max(1, memoryCapacity(host, NO_OVERCOMMIT)),
    memoryBytes: host.memory.totalBytes,
    vms: vms.length,
    // Each once: two rules may well find the same.
    findings: [...new Set(findings.map(({ kind }) => kind))],
    hypervisor: `${host.hypervisor.kind} ${host.hypervisor.version}`,
  };
}

export function vmViews(snapshot: Snapshot): IteratorObject<VmView> {
  const hostNames = new Map(snapshot.hosts.map((host) => [host.id, host.name]));
  const moving = new Set(snapshot.inFlight.map((move) => move.vm));
  return snapshot.vms.values().map((vm) => ({
    id: vm.id,
    name: vm.name,
    host: vm.host,
    hostName: hostNames.get(vm.host) ?? vm.host,
    criticality: vm.criticality,
    permission: vm.permission,
    powerState: vm.powerState,
    vcpus: vm.vcpus,
    memoryBytes: vm.memoryBytes,
    cpuCores: valueOf(vm.metrics['cpu.used']?.mean),
    moving: moving.has(vm.id),
  }));
}

function valueOf(measured: Measured | undefined): number | null {
  return measured?.kind === 'known' ? measured.value : null;
}

/** The one thing that `name` is the id of, or else the name of; undefined when none or several. */
export function findNamed<Thing extends { readonly id: string; readonly name: string }>(
  things: readonly Thing[],
  name: string,
): Thing | undefined {
  const byId = things.find((thing) => thing.id === name);
  if (byId !== undefined) return byId;
  const named = things.filter((thing) => thing.name === name);
  return named.length === 1 ? named[0] : undefined;
}
