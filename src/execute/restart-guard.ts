/** What the executor is told of dead hosts: the port through which a restart asks for proof. */

import type { RestartedVm } from '../domain/host-failure.ts';
import type { HostId, VmId } from '../domain/ids.ts';

/** What the executor asks before it starts a VM that a dead host may have. */
export interface RestartGuard {
  /** Its power was confirmed off: what it does not answer is no open question. */
  isDead(host: HostId): boolean;
  /**
   * Asks the power once more. Undefined: it is off; else why it may not be relied on. A proof and
   * no permission: what the policy says of restarts is not in it.
   */
  objection(host: HostId): Promise<string | undefined>;
  /** Durable when it resolves: the definition of the VM on the host will have to be removed. */
  note(host: HostId, restarted: RestartedVm): Promise<void>;
  /** The dead hosts on which the VM is noted: one whose power returns may start it again. */
  leftOn(vm: VmId): readonly HostId[];
}
