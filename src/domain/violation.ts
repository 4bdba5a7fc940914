/** What the independent checker says against a plan. */

import type { HostId, MoveId, RuleId, VmId } from './ids.ts';

export const VIOLATION_CODES = {
  'unknown-vm': 'the move names a VM that is not in the snapshot',
  'unknown-host': 'the move names a host that is not in the snapshot',
  'wrong-source': 'the VM is not on the host that the move starts from',
  'same-host': 'source and target are the same host',
  'duplicate-move-id': 'two moves have the same id',
  'bad-dependency': 'a move depends on one that is unknown, later, or on itself',
  'overlapping-moves': 'two moves of the same VM can be in flight together',
  memory: 'a host would hold more memory than its capacity',
  'huge-pages': 'a host would need more huge pages than it has',
  cpu: 'a target would be above its CPU safety capacity',
  resource: 'a target would be above its limit of a resource that the policy names',
  'resource-unknown': 'a VM is moved of which nobody knows what it needs of a resource',
  'storage-space': 'a storage has not enough room for the disks that are copied there',
  vcpus: 'a VM has more vCPUs than its target has threads',
  incompatible: 'the target cannot run the VM, or not receive it by this method',
  restart: 'a VM is started elsewhere whose host is not confirmed dead, or that must not be',
  'host-state': 'a target takes nothing in: quarantined, draining, in maintenance, disconnected',
  affinity: 'a hard affinity rule is broken that was not broken before',
  'anti-affinity': 'a hard anti-affinity rule is broken that was not broken before',
  pin: 'a VM is moved off the hosts that it is pinned to',
  avoid: 'a VM is moved to a host that it is to avoid',
  among: 'a hard rule that wants VMs in one of several sets of hosts is broken further',
  spread: 'a hard rule that wants VMs in several domains is broken further',
  lonely: 'a VM comes beside one that is to run alone, or the other way round',
  licensed: 'a VM is moved to a host that its licence does not cover, or to one too many',
  dependency: 'a VM could be without any of those that it needs beside it',
  preserve: 'a host would have less free than a hard rule wants it to keep',
  spare: 'a VM is moved to a spare host, and not to empty another host',
  'failover-reserve': 'hosts would have less room than they need to make up for lost ones',
  'own-vm': 'a VM that Drover stands on does not move last, alone, by pre-copy and without leases',
  permission: 'the method is more than the VM’s permission allows',
  concurrency: 'more moves could be on a host, link or cluster at once than the policy allows',
  order: 'a less important move is listed before a more important one that could go first',
  cost: 'what a move is said to cost is not what its price comes to',
  balance: 'what a plan says of pairs of resources is not what they come to',
  prediction: 'a predicted figure is negative, not finite, or breaks a dependency',
} as const;
export type ViolationCode = keyof typeof VIOLATION_CODES;

export interface Violation {
  readonly code: ViolationCode;
  /** Position in the plan's list; undefined: about the plan as a whole. */
  readonly index: number | undefined;
  readonly move: MoveId | undefined;
  readonly vm: VmId | undefined;
  readonly host: HostId | undefined;
  readonly rule: RuleId | undefined;
  readonly detail: string;
}
