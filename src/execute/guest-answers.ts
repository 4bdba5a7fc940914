/**
 * Whether a guest that has arrived answers at its own address, where one is configured: it runs on
 * the target, and the network there may not lead to it (a VLAN that is missing on the port, or a
 * switch that has not heard of the move). Nothing is undone for that: the move has succeeded, and
 * who reads of it is told.
 */

import { isLive } from '../domain/compatibility.ts';
import { seconds } from '../domain/units.ts';
import type { MoveTask } from './move-task.ts';

/** RARP or gratuitous ARP is sent more than once after a switchover; switches learn in seconds. */
const ATTEMPTS = 3;
const PAUSE = seconds(2);

/** Of one that was started anew, or stood still, nobody knows yet when it will. */
export async function askGuest(task: MoveTask): Promise<void> {
  const { move, order, parts, record, stopping } = task;
  const { clock, events, guests } = parts;
  const guest = { id: move.vm, name: record.vmName };
  if (!isLive(order.method) || task.byNow !== undefined || guests?.covers(guest) !== true) return;
  for (let attempt = 1; ; attempt += 1) {
    if ((await guests.ask(guest, stopping)) !== 'silent' || stopping.aborted) return;
    if (attempt === ATTEMPTS) break;
    await clock.sleep(PAUSE, stopping);
  }
  task.byNow = 'its guest does not answer there';
  const text =
    `${record.vmName} runs on ${move.to}, and its guest does not answer since it arrived: ` +
    'look at its network there (VLANs of the port, the switch’s table of addresses)';
  events.emit('warning', { key: `guest ${move.vm}`, text });
}
