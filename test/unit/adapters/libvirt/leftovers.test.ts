// Role: volumes that a note names as left by an earlier move, and that its guest has for disks: it
// arrived with that move, and nobody has closed the note. They are never removed.
import { describe, expect, it } from 'vitest';

import { planCopies } from '../../../../adapters/libvirt/disks/disk-plan.ts';
import { makeReady } from '../../../../adapters/libvirt/moves/ready.ts';
import { cleanUpMove } from '../../../../adapters/libvirt/moves/settle.ts';
import { readMoveNote, writeMoveNote } from '../../../../adapters/libvirt/xml/metadata.ts';
import { hostId, moveId, vmId } from '../../../../src/domain/ids.ts';
import { MIB } from '../../../../src/domain/units.ts';
import { aMoveOrder } from '../../../support/plans.ts';
import { GuestHost } from './fake-guest.ts';
import { diskXml, FakeHost, poolXml } from './fake-host.ts';
import { guestXml, UUID } from './samples.ts';

const { signal } = new AbortController();
const OLD = 'a.drover-0a0a0a0a.img';
const TRULY_LEFT = 'a.drover-0b0b0b0b.img';
const place = { host: 'h2', pool: 'default', dev: 'vda', from: '/images/a.img' };
/** m0 has brought the guest to h2; what a move before it had left there, it could not remove. */
const NOTE = {
  move: 'm0',
  to: 'h2',
  autostart: false,
  askedOff: false,
  copies: [
    { ...place, name: OLD, path: `/images/${OLD}`, earlier: true as const },
    { ...place, name: TRULY_LEFT, path: `/images/${TRULY_LEFT}`, earlier: true as const },
  ],
};
const BACK = aMoveOrder({
  move: moveId('m2'),
  vm: vmId(UUID),
  from: hostId('h3'),
  to: hostId('h2'),
  method: 'pre-copy',
});

/** The guest has gone on to h3, which reaches the pool of h2, and is to go back. */
function onThird(source = `file='/images/${OLD}'`, type = 'file') {
  const from = new GuestHost('h3', { [UUID]: guestXml({ devices: diskXml({ source, type }) }) });
  from.guest.running = true;
  from.guest.note = writeMoveNote(NOTE);
  return { from, to: new GuestHost('h2', {}, [OLD, TRULY_LEFT]), others: [] };
}

describe('a volume that the guest has for a disk', () => {
  it.each([
    ['as a file', `file='/images/${OLD}'`, 'file'],
    ['as a volume', `pool='images' volume='${OLD}'`, 'volume'],
    ['where the pool lies elsewhere on its host', `file='/mnt/y/${OLD}'`, 'file'],
  ])('is not removed by a move to where it lies: %s', async (_how, source, type) => {
    const ends = onThird(source, type);
    const readying = { copies: [], autostart: () => Promise.resolve(false) };
    await makeReady(BACK, ends, readying, signal);
    expect(ends.to.volumes('default')).toEqual([OLD]);
    expect(readMoveNote(ends.from.guest.note ?? '')?.copies).toEqual([]);
  });

  it('is not removed when that move comes to nothing', async () => {
    const ends = onThird();
    expect(await cleanUpMove(BACK, ends, signal)).toMatchObject({ ok: true });
    expect(ends.to.volumes('default')).toEqual([OLD]);
    expect(ends.from.guest.note).toBeUndefined();
  });

  it('does not count as room that becomes free', async () => {
    const { from } = onThird();
    const pools = [poolXml('default', '/images', MIB)];
    const volumeXml = `<volume><allocation unit='GiB'>4</allocation></volume>`;
    const to = new FakeHost('h2', { pools, volumes: { default: [OLD] }, volumeXml });
    const { objections } = await planCopies({ ...BACK, method: 'storage' }, { from, to });
    expect(objections).toMatchObject([{ code: 'storage-space' }]);
  });
});
