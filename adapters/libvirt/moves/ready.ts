/**
 * What a move writes down and makes before it begins: the note in the guest's definition, and then,
 * because only the note tells whose they are, the volumes that its disks are copied to.
 */

import { asEarlier, leaveNote, noteOf } from './note.ts';
import type { Ends } from './settle.ts';
import type { Domain } from '../calls/domain.ts';
import type { DiskCopy } from '../disks/disk-plan.ts';
import { leftoversOf, makeVolumes, notedCopy, removeVolumes } from '../disks/volumes.ts';
import { LibvirtError } from '../native/errors.ts';
import type { MoveNote } from '../xml/metadata.ts';
import type { MoveOrder } from '../../../src/ports/hypervisor.ts';

export interface Readying {
  readonly copies: readonly DiskCopy[];
  /** Whether the guest's new host is to start it at boot, as its source tells. */
  readonly autostart: (domain: Domain) => Promise<boolean>;
}

/**
 * May be run again, for the same move or another: what an earlier run made on this target is
 * removed first; what one made on another host, or in a pool that is gone, stays, and stays noted.
 * Rejects where something of it is in use on this target, or a volume cannot be made.
 */
export async function makeReady(
  order: MoveOrder,
  { from, to }: Ends,
  { copies, autostart }: Readying,
  signal?: AbortSignal,
): Promise<void> {
  const options = signal === undefined ? {} : { signal };
  const before = await from.onDomain(order.vm, 'looking for a note', noteBefore, options);
  // Of an earlier attempt whose target could not be cleaned up then.
  const kept = await removeVolumes(to, before?.copies ?? [], signal);
  if (kept?.isInUse === true) throw new LibvirtError(0, kept.why, false);
  const others = before?.copies.filter(({ host }) => host !== to.id) ?? [];
  const left = asEarlier([...(kept?.copies ?? []), ...others]);
  const write = async (own: readonly DiskCopy[]): Promise<void> => {
    const noted = [...own.map((copy) => notedCopy(copy, to.id)), ...left];
    const leave = async (domain: Domain): Promise<void> => {
      // An earlier cold move may have taken it away, and not given it back yet.
      const isOn = before?.autostart === true || (await autostart(domain));
      const isWorthIt = isOn || noted.length > 0 || before !== undefined;
      const { move, to: target } = order;
      const again = before?.move === move ? before : undefined;
      const asked = { askedOff: again?.askedOff === true, askedAt: again?.askedAt };
      const mark = again === undefined ? 'untouched' : again.target;
      const ends = { move, to: target, autostart: isOn, target: mark };
      const note = { ...ends, ...asked, copies: noted };
      if (isWorthIt || order.method === 'cold') await leaveNote(domain, note);
    };
    await from.onDomain(order.vm, 'leaving a note', leave, options);
  };
  await write(copies);
  const strangers = await makeVolumes(to, copies, signal);
  if (strangers.length === 0) return;
  await write(copies.filter((copy) => !strangers.includes(copy)));
  const names = strangers.map(({ target }) => target.path).join(', ');
  throw new LibvirtError(0, `${names} has been made by somebody else meanwhile`, false);
}

async function noteBefore(domain: Domain): Promise<MoveNote | undefined> {
  const note = await noteOf(domain);
  return note && { ...note, copies: await leftoversOf(domain, note) };
}
