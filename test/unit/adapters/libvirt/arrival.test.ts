// Role: a guest that a move has brought to a host which has not said a word since.
import { describe, expect, it } from 'vitest';

import type { AdapterMemory } from '../../../../adapters/adapter.ts';
import { noteArrival } from '../../../../adapters/libvirt/arrival.ts';
import { type HostAnswer, mergeInventories } from '../../../../adapters/libvirt/fleet-inventory.ts';
import { Definitions } from '../../../../adapters/libvirt/definitions.ts';
import type { HostInventory } from '../../../../adapters/libvirt/host.ts';
import type { HostSurvey } from '../../../../adapters/libvirt/host-survey.ts';
import { Mover } from '../../../../adapters/libvirt/moves/mover.ts';
import { Restarter } from '../../../../adapters/libvirt/moves/restart.ts';
import { ConnectError } from '../../../../adapters/libvirt/native/errors.ts';
import type { LibvirtOptionsInput } from '../../../../adapters/libvirt/options.ts';
import { writeMoveNote } from '../../../../adapters/libvirt/xml/metadata.ts';
import { vmId } from '../../../../src/domain/ids.ts';
import type { MoveOrder } from '../../../../src/ports/hypervisor.ts';
import { aMoveOrder } from '../../../support/plans.ts';
import { manualClock } from '../../../support/manual-clock.ts';
import { GuestSession } from './fake-guest.ts';
import { diskXml, FakeHost } from './fake-host.ts';
import { guestXml, options, survey, UUID } from './samples.ts';

const SIGNAL = new AbortController().signal;
const ORDER = aMoveOrder({ vm: vmId(UUID), method: 'pre-copy' });

/** Each with a storage of its own. */
const SITES: Partial<LibvirtOptionsInput> = {
  sharedStorages: [
    { id: 'nfs-x', paths: ['/x'], hosts: ['h1', 'h4'] },
    { id: 'nfs-y', paths: ['/y'], hosts: ['h2', 'h3'] },
  ],
};

class AskedHost extends FakeHost {
  readonly session: GuestSession;
  /** What its next answer waits for. */
  gate: Promise<void> = Promise.resolve();

  constructor(id: string, session: GuestSession, definitions?: Definitions) {
    super(id, session, SITES, definitions && { definitions });
    this.session = session;
  }

  override async survey(): Promise<HostSurvey> {
    await this.gate;
    return survey(this.id, SITES);
  }

  override visibleFeatures(): Promise<readonly string[]> {
    return Promise.resolve(['sse2']);
  }

  ask(): Promise<HostInventory> {
    return this.inventory(AbortSignal.timeout(5000));
  }
}

function withGuests(
  id: string,
  guests: Readonly<Record<string, string>>,
  definitions?: Definitions,
): AskedHost {
  const session = new GuestSession(guests, []);
  session.running = true;
  return new AskedHost(id, session, definitions);
}

/** The guest runs on h1 for all that is known, and moves to h2. */
async function arrivedOn(h2: AskedHost): Promise<void> {
  const h1 = withGuests('h1', { [UUID]: guestXml({}) });
  await h1.ask();
  await noteArrival(ORDER, { from: h1, to: h2 }, [h1, h2], SIGNAL);
  expect((await h1.last())?.guests).toEqual([]);
}

async function silent(host: AskedHost): Promise<HostAnswer> {
  return { kind: 'silent', host: host.identity, last: await host.last(), error: 'no answer' };
}

it('is there in an inventory in which that host is silent', async () => {
  const h2 = withGuests('h2', {});
  await h2.ask();
  await arrivedOn(h2);
  const h1 = withGuests('h1', {});
  const inventory = await h1.ask();
  const answered = { kind: 'answered', host: h1.identity, inventory } as const;
  const { vms } = mergeInventories([answered, await silent(h2)]);
  expect(vms).toMatchObject([{ id: UUID, host: 'h2', powerState: 'unknown' }]);
});

it('is there also where that host had told of it in the middle of the move', async () => {
  const h2 = withGuests('h2', { [UUID]: guestXml({}) });
  h2.session.running = false;
  await h2.ask();
  expect((await h2.last())?.guests).toMatchObject([{ sighting: { state: 'defined' } }]);
  await arrivedOn(h2);
  const { vms } = mergeInventories([await silent(h2)]);
  expect(vms).toMatchObject([{ id: UUID, host: 'h2', powerState: 'unknown' }]);
});

it('outlasts an answer that was asked for before it came, but not the next', async () => {
  const h2 = withGuests('h2', {});
  await h2.ask();
  const gate = Promise.withResolvers<void>();
  h2.gate = gate.promise;
  const before = h2.ask();
  await arrivedOn(h2);
  gate.resolve();
  await before;
  expect((await h2.last())?.guests).toMatchObject([{ vm: { id: UUID, host: 'h2' } }]);
  await h2.ask();
  expect((await h2.last())?.guests).toEqual([]);
});

describe('a move that has copied the disks of its guest to another site', () => {
  const [onX, onY] = ['/x/web', '/y/web.drover-1'].map((file) =>
    guestXml({ devices: diskXml({ source: `file='${file}'` }) }),
  ) as [string, string];

  function memory(remove?: () => Promise<void>): AdapterMemory {
    const kept = new Map<string, string>();
    return {
      read: async (name) => kept.get(name),
      write: async (name, text) => void kept.set(name, text),
      remove: remove ?? (async (name) => void kept.delete(name)),
      names: async () => [...kept.keys()].sort(),
    };
  }

  const COPY = { host: 'h2', pool: 'y', name: 'web.drover-1', dev: 'vda', from: '/x/web' };
  const COPIES = [{ ...COPY, path: '/y/web.drover-1' }];

  interface Circumstances {
    readonly describe?: boolean;
    readonly copies?: typeof COPIES;
    readonly kept?: AdapterMemory;
  }

  async function arrived(
    how: Partial<MoveOrder>,
    { describe = true, copies = COPIES, kept = memory() }: Circumstances = {},
  ) {
    const definitions = new Definitions(kept, manualClock());
    const h1 = withGuests('h1', { [UUID]: onX }, definitions);
    const h2 = withGuests('h2', {}, definitions);
    await h1.ask();
    await h2.ask();
    expect((await definitions.read(UUID))?.xml).toContain('/x/web');
    h2.session.define(copies.length === 0 ? onX : onY);
    const note = { move: 'm1', to: 'h2', autostart: false, askedOff: false, copies };
    h2.session.note = writeMoveNote(note);
    h1.session.running = false;
    if (!describe) {
      h2.gate = Promise.reject(new ConnectError(38, 'no route to host'));
      h2.gate.catch(() => undefined);
    }
    const order = { ...ORDER, ...how };
    const carrier =
      order.method === 'restart' ? new Restarter(definitions) : new Mover(options(), manualClock());
    const ends = { from: h1, to: h2, others: [] };
    expect(await carrier.commit(order, ends, SIGNAL)).toMatchObject({ ok: true });
    await noteArrival(order, ends, [h1, h2], SIGNAL);
    const guest = (await h2.last())?.guests.find(({ vm }) => vm.id === UUID);
    return { guest, definition: await definitions.read(UUID) };
  }

  it.each([
    ['a storage move', { method: 'storage' }],
    ['a cold one', { method: 'cold' }],
    ['one whose source has died', { method: 'restart', begunAs: 'storage' }],
  ] as const)('has it known with its new disks at once: %s', async (_what, how) => {
    const { guest, definition } = await arrived(how);
    expect(guest?.vm).toMatchObject({ host: 'h2', disks: [{ storage: 'nfs-y' }] });
    expect(definition?.xml).toContain('/y/web.drover-1');
  });

  it('lets nobody restart it from its old ones where its host cannot tell', async () => {
    const { guest, definition } = await arrived({ method: 'storage' }, { describe: false });
    expect(guest?.vm.host).toBe('h2');
    expect(definition).toBeUndefined();
  });

  it('lets nobody do so either where the folder of what is kept cannot be written to', async () => {
    const kept = memory(() => Promise.reject(new Error('EROFS: read-only file system')));
    const { guest, definition } = await arrived({ method: 'cold' }, { describe: false, kept });
    expect(guest?.vm.host).toBe('h2');
    expect(definition).toBeUndefined();
  });

  it.each([
    ['a cold move', { method: 'cold' }],
    ['a restart', { method: 'restart', begunAs: 'cold' }],
  ] as const)(
    'leaves what is kept of its guest where it has copied none: %s',
    async (_what, how) => {
      const { guest, definition } = await arrived(how, { describe: false, copies: [] });
      expect(guest?.vm).toMatchObject({ host: 'h2', disks: [{ storage: 'nfs-x' }] });
      expect(definition?.xml).toContain('/x/web');
    },
  );
});
