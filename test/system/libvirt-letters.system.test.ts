// Role: what is noted at a guest comes back from the real library, whatever its letters: it writes
// metadata in another way than it was given. Its built-in test driver is enough for that.
import { expect, it } from 'vitest';

import { withDomain } from '../../adapters/libvirt/calls/domain.ts';
import { domainsOf } from '../../adapters/libvirt/calls/node.ts';
import { HostLink } from '../../adapters/libvirt/host-link.ts';
import { leaveNote, noteOf } from '../../adapters/libvirt/moves/note.ts';
import type { MoveNote } from '../../adapters/libvirt/xml/metadata.ts';

const LIMITS = { callSeconds: 10, keepAlive: { intervalSeconds: 5, count: 3 } };

const NAME = 'Büro & <日本> 🖥.qcow2';
const NOTE: MoveNote = {
  move: 'm1',
  to: 'köln-2',
  autostart: true,
  askedOff: true,
  askedAt: 1_700_000_000,
  target: 'started',
  copies: [
    {
      host: 'köln-2',
      pool: 'büro',
      name: NAME,
      dev: 'vda',
      from: `/a/${NAME}`,
      path: `/b/${NAME}`,
    },
  ],
};

it('the note of a move is read as it was written, with letters beyond ASCII', async () => {
  const link = new HostLink('test:///default', LIMITS);
  try {
    const [uuid = ''] = await link.use('control', 'listing', domainsOf);
    const back = await link.use('control', 'noting', (session) =>
      withDomain(session, uuid, async (domain) => {
        await leaveNote(domain, NOTE);
        return noteOf(domain);
      }),
    );
    expect(back).toEqual(NOTE);
  } finally {
    await link.close();
  }
});
