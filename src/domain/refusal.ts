/**
 * Why a VM cannot (or should not) go to a host. One table: the codes, what they mean and what to
 * do about them; the README's table, the types and the messages all come from here.
 */

import type { HostId, VmId } from './ids.ts';

export const REFUSAL_CODES = {
  'same-host': { meaning: 'the VM runs there already', hint: '' },
  quarantined: {
    meaning: 'the host takes nothing in: quarantined, draining or in maintenance',
    hint: 'return the host to service: drover maintenance exit HOST',
  },
  'other-controller': {
    meaning: 'another controller acts on the host, or did a moment ago',
    hint: 'what cannot wait is done as soon as one controller has both clusters: drover status',
  },
  disconnected: {
    meaning: 'the hypervisor does not answer for the host',
    hint: 'drover doctor shows the error of the connection',
  },
  'other-source': {
    meaning: 'no migration is possible between these two hypervisor connections',
    hint: 'only hosts of one source exchange VMs live',
  },
  memory: {
    meaning: 'not enough memory beside what runs there, is reserved, or is on its way',
    hint: 'free memory on the host, or raise the overcommit ratio in the policy',
  },
  'huge-pages': {
    meaning: 'not enough huge pages of the size that the VM needs',
    hint: 'reserve more huge pages on the host',
  },
  cpu: {
    meaning: 'the host would be above its CPU safety capacity after all arrivals',
    hint: 'lower the load, or raise limits.safetyCapacity.cpu in the policy',
  },
  resource: {
    meaning: 'not enough of a resource that the policy names (the detail says which)',
    hint: 'see what fills the host: drover why HOST; or change resources in the policy',
  },
  'resource-unknown': {
    meaning: 'nobody knows what the VM, or one beside it, needs of a resource, or the host has',
    hint: 'report it, or say ifUnknown under resources in the policy; the log tells why',
  },
  vcpus: {
    meaning: 'the VM has more vCPUs than the host has threads',
    hint: 'use a larger host, or reduce the vCPUs',
  },
  arch: { meaning: 'another instruction set', hint: '' },
  'cpu-unknown': {
    meaning: 'CPU vendor or features of the guest or of the host could not be read',
    hint: 'unknown is never compatible: see drover doctor',
  },
  'cpu-vendor': {
    meaning: 'another CPU vendor: live migration is impossible',
    hint: 'a cold move can cross vendors where the policy says coldCrossVendor: allow',
  },
  'cpu-features': {
    meaning: 'the guest sees CPU features that the host cannot give',
    hint: 'start guests with a CPU model (baseline) that all hosts of the cluster share',
  },
  'cpu-passthrough': {
    meaning: 'the guest was started with host-passthrough and the host is not identical',
    hint: 'use host-model or a named model for guests that should migrate',
  },
  'machine-type': {
    meaning: 'the host cannot run the guest’s machine type',
    hint: 'upgrade the hypervisor of the host first',
  },
  'hypervisor-version': {
    meaning: 'the host runs an older hypervisor: guests move to newer versions only',
    hint: 'upgrade the host, or move the guest to an upgraded one',
  },
  'hypervisor-kind': { meaning: 'another kind of hypervisor', hint: '' },
  firmware: {
    meaning: 'NVRAM or TPM state lies on the source host only',
    hint: 'put NVRAM and TPM state on shared storage',
  },
  tsc: {
    meaning: 'the guest was promised an invariant TSC, which the move would break',
    hint: 'a cold move works',
  },
  nested: { meaning: 'the guest runs guests of its own', hint: 'a cold move works' },
  confidential: { meaning: 'memory encryption (SEV, TDX) forbids the move', hint: '' },
  device: {
    meaning: 'a passed-through device cannot be taken along',
    hint:
      'a cold move works where the policy allows it and the source lists such a device on the ' +
      'host; libvirt lists none: there such a VM is moved by hand',
  },
  media: {
    meaning: 'a CD, ISO image or floppy in a drive of the VM is not reachable from the host',
    hint: 'eject it, or keep images on storage that all hosts of the cluster mount',
  },
  network: {
    meaning: 'a network of the VM does not exist on the host',
    hint: 'add the bridge, port group or VLAN to the host',
  },
  storage: {
    meaning: 'a disk of the VM is not reachable from the host',
    hint: 'mount the storage there, or allow storage migration in the policy',
  },
  'storage-space': {
    meaning:
      'the storage there has not enough room for copies of its disks, beside what is promised',
    hint: 'make room on that storage (libvirt: then virsh pool-refresh), or see what moves there',
  },
  affinity: { meaning: 'a hard affinity rule forbids it', hint: '' },
  'anti-affinity': { meaning: 'a hard anti-affinity rule forbids it', hint: '' },
  pin: { meaning: 'the VM is pinned to other hosts', hint: '' },
  avoid: { meaning: 'the VM is to avoid this host', hint: '' },
  among: {
    meaning: 'the VM and those with it are to be in one of several sets of hosts, not here',
    hint: '',
  },
  spread: {
    meaning: 'the VM and those with it would be in too few fault domains',
    hint: '',
  },
  lonely: {
    meaning: 'a VM that is to have its host for itself is in the way',
    hint: '',
  },
  licensed: {
    meaning: 'the licence of the VM does not cover the host, or no further one',
    hint: 'license more hosts, or raise maximum in the rule',
  },
  dependency: {
    meaning: 'the VM, or one left behind, would be without those that it needs beside it',
    hint: 'move what it depends on first, or together with it',
  },
  preserve: {
    meaning: 'the host is to keep free what the VM would need',
    hint: 'ask the rule to preserve less, or make it soft',
  },
  spare: {
    meaning: 'a spare host: only evacuations may go there',
    hint: '',
  },
  'failover-reserve': {
    meaning: 'the hosts around it would lack the room to make up for the loss of some of them',
    hint: 'evacuations may use the reserve, other moves from outside may not',
  },
  permission: {
    meaning: 'the VM’s permission does not cover this method',
    hint: 'raise the permission of the VM in a policy',
  },
  'own-vm': {
    meaning: 'the VM carries a part of Drover: it moves only where it has to, last, by pre-copy',
    hint: 'see own in the policy; to move it for another reason, move it by hand',
  },
  'own-leases': {
    meaning: 'the controller in the VM still acts: a standby has to take its leases over first',
    hint: 'run a second controller on the same ledger, or see migration.ownWithoutStandby',
  },
  'managed-elsewhere': {
    meaning: 'another balancer or HA owns the placement of this VM',
    hint: 'one owner per VM: turn the other automation off for it, or leave it alone',
  },
  locked: { meaning: 'the hypervisor holds a lock on the VM (backup, snapshot)', hint: '' },
  'power-state': {
    meaning: 'the VM is not running (or not in a state that can move)',
    hint: 'start it, or move its definition by hand',
  },
  'in-flight': { meaning: 'the VM is being moved at this moment', hint: '' },
  'planned-already': { meaning: 'the plan has a move of this VM already', hint: '' },
  'not-fenced': {
    meaning: 'only a VM of a host whose power is confirmed off may be started elsewhere',
    hint: 'see hostFailure in the policy and fencing in drover.yaml',
  },
  'storage-locks': {
    meaning: 'no lock keeps a second copy of the VM off its disks',
    hint: 'name storages that lock disks in hostFailure.storagesWithLocks of the policy',
  },
  unwatched: {
    meaning: 'nobody looked for days: the VM may have been moved or shut down for good meanwhile',
    hint: 'look where it is and start it by hand, or bring its host back: what that says counts',
  },
  'stale-metrics': {
    meaning: 'a measurement that the decision needs is missing',
    hint: 'drover doctor names the source',
  },
  'implausible-metrics': {
    meaning: 'the measurements of the whole source cannot be right',
    hint: 'look at its exporters, queries and clock; nothing is moved for load until then',
  },
  'cool-down': { meaning: 'the VM was moved too recently', hint: 'see limits.cooldown' },
  'clock-jumped': {
    meaning: 'the clock was set forwards: cool-downs and budgets cannot be told any more',
    hint: 'what can wait rests for limits.cooldown; look at NTP',
  },
  budget: {
    meaning: 'the budget of moves is used up',
    hint: 'see limits.budgets and limits.movesPerPlan',
  },
  'reverse-move': {
    meaning: 'the VM was moved away from that host too recently',
    hint: 'see limits.reverseMove',
  },
  breaker: {
    meaning: 'too much of the kind failed lately: it is left in peace, then tried with one move',
    hint: 'mend what failed, then drover breaker reset NAME (drover breaker list)',
  },
  window: { meaning: 'outside the window in which such moves may start', hint: '' },
  'no-gain': { meaning: 'the move would not gain more than it costs', hint: '' },
  'method-unsupported': { meaning: 'the hypervisor has no such migration method', hint: '' },
  paused: { meaning: 'Drover is paused', hint: 'drover resume' },
  'mass-failure': {
    meaning: 'too many hosts turned failing at once: the monitoring is suspected',
    hint: 'look, then order the evacuation by hand: drover evacuate HOST',
  },
  'evacuated-share': {
    meaning: 'too large a share of the cluster would be evacuated at once',
    hint: 'wait until the others are back, or raise limits.evacuatedShare',
  },
  hypervisor: { meaning: 'the hypervisor’s own check refused it', hint: '' },
  'world-moved-on': {
    meaning: 'the VM or the host is not what the plan assumed any more',
    hint: '',
  },
} as const;

export type RefusalCode = keyof typeof REFUSAL_CODES;

/** One reason against one VM on one host. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly vm: VmId;
  readonly host: HostId;
  /** The figures or names behind it: "needs 8.0 GiB, 3.1 GiB free"; may be empty. */
  readonly detail: string;
}

/** How many VM × host pairs each code refused; absent codes refused none. */
export type RefusalCounts = Readonly<Partial<Record<RefusalCode, number>>>;
