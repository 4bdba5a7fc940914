/**
 * An inventory that has lost most of a source's VMs from one look to the next is more often a
 * daemon that has just started, a right that was taken away or a list that was cut off than a
 * fleet whose guests are gone, and hosts that look empty are filled, or taken out of service. So
 * it has to be said twice; until then what was seen before stays in force. Hosts that are emptied
 * are no such loss: their VMs are on others.
 */

import type { Inventory } from '../ports/hypervisor.ts';

/** Of fewer VMs any number may be switched off and removed at once. */
const FEWEST_VMS = 4;

export class LossWatch {
  #isDoubted = false;

  /** Why `now` is not to be believed yet; undefined: it is. */
  doubt(before: Inventory | undefined, now: Inventory): string | undefined {
    const lost = before === undefined ? undefined : lossOf(before, now);
    const wasDoubted = this.#isDoubted;
    this.#isDoubted = lost !== undefined && !wasDoubted;
    if (!this.#isDoubted) return undefined;
    return `${lost} are gone at once: that is believed when the next look says it, too`;
  }
}

/** For people; undefined: at least half of them are still there. */
function lossOf(before: Inventory, now: Inventory): string | undefined {
  const all = before.vms.length;
  const here = new Set(now.vms.map(({ id }) => id));
  const left = before.vms.filter(({ id }) => here.has(id)).length;
  if (all < FEWEST_VMS || left * 2 >= all) return undefined;
  return `${all - left} of ${all} VMs`;
}
