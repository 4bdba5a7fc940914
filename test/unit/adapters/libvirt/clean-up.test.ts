// Role: what is left of a move that came to nothing is removed, and a guest that came up is not.
import { describe, expect, it } from 'vitest';

import { Definitions, UNDEFINED } from '../../../../adapters/libvirt/definitions.ts';
import { cleanUpMove, commitMove } from '../../../../adapters/libvirt/moves/settle.ts';
import { Restarter } from '../../../../adapters/libvirt/moves/restart.ts';
import { undefineCompletely } from '../../../../adapters/libvirt/moves/undefine.ts';
import { UNDEFINE } from '../../../../adapters/libvirt/native/constants.ts';
import { ConnectError, LibvirtError } from '../../../../adapters/libvirt/native/errors.ts';
import { readMoveNote, writeMoveNote } from '../../../../adapters/libvirt/xml/metadata.ts';
import { moveId } from '../../../../src/domain/ids.ts';
import { manualClock } from '../../../support/manual-clock.ts';
import { note1, ORDER, Scene, SIGNAL } from './cold-scene.ts';
import { GuestHost } from './fake-guest.ts';
import { FakeHost, FakeSession } from './fake-host.ts';
import { guestXml, UUID } from './samples.ts';

describe('a guest that came up since the last look', () => {
  it('is not cut off by the clean-up of its move', async () => {
    const scene = new Scene();
    await scene.prepare();
    scene.define(scene.target, undefined);
    scene.target.before.set('virDomainIsPersistent', () => {
      scene.target.running = true;
    });
    expect(await scene.cleanUp()).toMatchObject({
      ok: false,
      error: { code: 'refused', detail: expect.stringContaining('it is running') },
    });
    expect([scene.target.running, scene.target.isDefined]).toEqual([true, true]);
    expect(scene.target.calls).not.toContain('virDomainDestroyFlags');
  });

  it('is not cut off by the clean-up of its restart', async () => {
    const to = new GuestHost('h2', { [UUID]: guestXml({}) });
    to.guest.note = writeMoveNote({ ...note1(), askedOff: false });
    const definitions = new Definitions(undefined, manualClock());
    const restarter = new Restarter(definitions);
    const hosts = { from: to, to, others: [] };
    to.guest.before.set('virDomainIsPersistent', () => {
      to.guest.running = true;
    });
    const order = { ...ORDER, method: 'restart' as const };
    expect(await restarter.cleanUp(order, hosts, SIGNAL)).toMatchObject({
      ok: false,
      error: { code: 'refused', detail: expect.stringContaining('it is running') },
    });
    expect([to.guest.running, to.guest.isDefined]).toEqual([true, true]);
    to.guest.running = false;
    expect(await restarter.cleanUp(order, hosts, SIGNAL)).toMatchObject({ ok: true });
    expect(to.guest.isDefined).toBe(false);
  });
});

describe('a guest whose source has died, and that is off on its target', () => {
  const restarter = new Restarter(new Definitions(undefined, manualClock()));
  const again = { ...ORDER, move: moveId('m9'), method: 'restart' as const };

  /** It had arrived, and ran on the copies of its disks; the move was never committed. */
  async function arrived(method: 'cold' | 'storage'): Promise<Scene> {
    const scene = new Scene();
    await scene.move();
    scene.target.running = false;
    if (method === 'storage') {
      const note = readMoveNote(scene.target.note ?? '');
      if (note === undefined) throw new Error('no note');
      scene.target.note = writeMoveNote({ ...note, askedOff: false, target: 'untouched' });
    }
    kill(scene.from);
    return scene;
  }

  it.each(['cold', 'storage'] as const)('keeps its definition there: %s', async (method) => {
    const scene = await arrived(method);
    const order = { ...ORDER, method: 'restart' as const, begunAs: method };
    expect(await restarter.cleanUp(order, scene, SIGNAL)).toMatchObject({
      ok: false,
      error: { code: 'refused', detail: expect.stringContaining('may be the only one') },
    });
    expect([scene.target.isDefined, scene.to.volumes('default').length]).toEqual([true, 1]);
  });

  it.each(['cold', 'storage'] as const)(
    'is not restarted from what is known of its old disks: %s',
    async (method) => {
      const scene = await arrived(method);
      const third = new GuestHost('h3', {});
      const refused = {
        ok: false,
        error: { detail: expect.stringContaining('h2, where its new disks are') as string },
      };
      expect(await restarter.start(again, scene, SIGNAL)).toMatchObject(refused);
      const elsewhere = { from: scene.from, to: third, others: [scene.to] };
      expect(await restarter.start(again, elsewhere, SIGNAL)).toMatchObject(refused);
      expect(await restarter.start(again, elsewhere, SIGNAL)).toMatchObject({
        error: { detail: expect.stringContaining('or undefine it, where it has run') as string },
      });
      // What follows from the refusal removes nothing, either.
      expect(await restarter.cleanUp(again, scene, SIGNAL)).toMatchObject({ ok: false });
      expect([scene.target.isDefined, third.guest.isDefined]).toEqual([true, false]);
    },
  );

  it('is restarted where it has never run on the copies', async () => {
    const scene = await arrived('cold');
    const note = readMoveNote(scene.target.note ?? '');
    if (note === undefined) throw new Error('no note');
    scene.target.note = writeMoveNote({ ...note, target: 'defined', hasRun: undefined });
    // As far as its definition is known.
    expect(await restarter.start(again, scene, SIGNAL)).toMatchObject({
      ok: false,
      error: { detail: UNDEFINED },
    });
  });
});

/** No connection to it can be made any more. */
function kill({ link }: GuestHost): void {
  const isDead = () => Promise.reject(new ConnectError(38, 'no route to host'));
  link.use = isDead;
  link.open = isDead;
}

describe('a guest whose target dies while it is off for its move', () => {
  const dead = 'no route to host';

  async function withoutTarget(): Promise<Scene> {
    const scene = new Scene('', []);
    scene.source.autostart = true;
    await scene.prepare();
    kill(scene.to);
    return scene;
  }

  it('comes up on its source where the target was told nothing', async () => {
    const scene = await withoutTarget();
    await expect(scene.run()).rejects.toThrow(dead);
    expect([scene.source.running, scene.source.autostart]).toEqual([true, true]);
  });

  it('comes up, with its autostart, also where the target dies in the last moment', async () => {
    const scene = new Scene('', []);
    scene.source.autostart = true;
    scene.source.before.set('virDomainSetAutostart', () => kill(scene.to));
    await expect(scene.move()).rejects.toThrow(dead);
    expect([scene.source.running, scene.source.autostart]).toEqual([true, false]);
    await expect(scene.cleanUp()).rejects.toThrow(dead);
    expect(scene.source.autostart).toBe(true);
  });

  it('comes up when another controller takes the move back', async () => {
    const scene = await withoutTarget();
    scene.source.running = false;
    scene.source.note = writeMoveNote({ ...note1(), target: 'untouched' });
    await expect(scene.cleanUp()).rejects.toThrow(dead);
    expect(scene.source.running).toBe(true);
  });

  it.each([
    ['stays off while nobody knows what became of the target', false, 'defined', false],
    ['comes up once the target’s power is confirmed off', true, 'defined', true],
    ['comes up then also where an older Drover left the note', true, undefined, true],
  ] as const)('%s', async (_what, isConfirmed, target, comesUp) => {
    const scene = await withoutTarget();
    scene.source.running = false;
    scene.source.note = writeMoveNote({ ...note1(), target });
    const order = { ...ORDER, ...(isConfirmed && { targetIsOff: true as const }) };
    await cleanUpMove(order, scene, SIGNAL).catch(() => undefined);
    expect(scene.source.running).toBe(comesUp);
  });

  it('stays off where the target may have what it wrote', async () => {
    const scene = new Scene();
    await scene.prepare();
    const { copies = [] } = readMoveNote(scene.source.note ?? '') ?? {};
    scene.source.running = false;
    scene.source.note = writeMoveNote({ ...note1(), target: 'defined', copies });
    kill(scene.to);
    expect(await cleanUpMove({ ...ORDER, targetIsOff: true }, scene, SIGNAL)).toMatchObject({
      ok: false,
      error: { detail: expect.stringContaining('may hold what the guest wrote') },
    });
    expect(scene.source.running).toBe(false);
  });
});

describe('a guest that has run on the copies of its disks, and is off', () => {
  /** Its controller died before it could commit the move. */
  async function arrived(offReason = 0, isNoted = true): Promise<Scene> {
    const scene = new Scene();
    await scene.move();
    expect(scene.target.running).toBe(true);
    if (!isNoted) scene.target.note = scene.target.note?.replace(` ran='yes'`, '');
    scene.target.running = false;
    scene.target.offReason = offReason;
    return scene;
  }

  it.each([
    ['its start may never have come', 0, false],
    ['it crashed', 3, true],
    ['its start failed', 6, true],
    ['its host’s daemon ended it', 8, true],
  ])('is started where they are: %s', async (_why, reason, isNoted) => {
    const scene = await arrived(reason, isNoted);
    const copies = scene.to.volumes('default');
    expect(copies).toHaveLength(1);
    expect(await scene.cleanUp()).toMatchObject({ ok: false });
    expect([scene.source.running, scene.target.running]).toEqual([false, true]);
    expect(scene.to.volumes('default')).toEqual(copies);
    expect(await commitMove(ORDER, scene, SIGNAL)).toMatchObject({ ok: true });
    expect([scene.source.isDefined, scene.target.note]).toEqual([false, undefined]);
  });

  it.each([
    ['was shut down', 1, false],
    ['was shut down', 1, true],
    ['had its power cut', 2, true],
    ['was moved on', 4, true],
    ['was saved', 5, true],
    ['was set back to a snapshot', 7, true],
    ['has run, and its daemon has forgotten what ended it', 0, true],
    ['ended in a way that nobody here knows', 99, false],
  ])('stays off where it %s there (%i, %s)', async (_how, reason, isNoted) => {
    const scene = await arrived(reason, isNoted);
    expect(await scene.cleanUp()).toMatchObject({ ok: false });
    expect([scene.source.running, scene.target.running]).toEqual([false, false]);
    expect([scene.target.isDefined, scene.to.volumes('default').length]).toEqual([true, 1]);
  });

  it('is not started a second time where its source runs', async () => {
    const scene = await arrived();
    scene.source.running = true;
    expect(await scene.cleanUp()).toMatchObject({ ok: false });
    expect([scene.source.running, scene.target.running]).toEqual([true, false]);
    expect(scene.to.volumes('default')).toHaveLength(1);
  });

  it.each([
    [1, 'no memory'],
    [38, `Cannot get interface MTU on 'br0': No such device`],
  ])('is told from one whose start was declined (%i)', async (code, why) => {
    const scene = new Scene();
    scene.target.before.set('virDomainCreate', () => {
      throw new LibvirtError(code, why, false);
    });
    await expect(scene.move()).rejects.toThrow(why);
    expect([scene.source.running, scene.target.isDefined]).toEqual([true, false]);
  });

  it('may be one whose start was not answered', async () => {
    const scene = new Scene();
    scene.target.before.set('virDomainCreate', () => {
      throw new LibvirtError(38, 'broken pipe', true);
    });
    await expect(scene.move()).rejects.toThrow('may have run on h2');
    expect([scene.source.running, scene.target.isDefined]).toEqual([false, true]);
  });
});

describe('a guest that has run on its target, on the same disks, and is off', () => {
  async function arrived(offReason: number): Promise<Scene> {
    const scene = new Scene('', []);
    await scene.move();
    scene.target.running = false;
    scene.target.offReason = offReason;
    return scene;
  }

  it.each([0, 1, 2, 5])(
    'is not started on its source where that may be unwanted (%i)',
    async (why) => {
      const scene = await arrived(why);
      expect(await scene.cleanUp()).toMatchObject({
        ok: false,
        error: { detail: expect.stringContaining('start it there') },
      });
      expect([scene.source.running, scene.target.isDefined]).toEqual([false, true]);
    },
  );

  it.each([3, 6, 8])('comes up on its source where nobody wanted it off (%i)', async (why) => {
    const scene = await arrived(why);
    expect(await scene.cleanUp()).toMatchObject({ ok: true });
    expect([scene.source.running, scene.target.isDefined]).toEqual([true, false]);
  });
});

describe('what an earlier move left on the same target', () => {
  const left = { host: 'h2', pool: 'gone', name: 'a.drover-1.img', dev: 'vda' };
  const copies = [{ ...left, from: '/images/a.img', path: '/images/a.drover-1.img' }];

  /** A move on shared disks, whose guest is off for it. */
  async function off(target: 'defined' | 'started'): Promise<Scene> {
    const scene = new Scene('', []);
    scene.source.note = writeMoveNote({ ...note1(), move: 'm0', askedOff: false, copies });
    await scene.prepare();
    const note = readMoveNote(scene.source.note ?? '');
    if (note === undefined) throw new Error('no note');
    scene.source.running = false;
    scene.source.note = writeMoveNote({ ...note, askedOff: true, target: 'defined' });
    scene.define(scene.target, writeMoveNote({ ...note, askedOff: true, target }));
    return scene;
  }

  it('does not keep its guest off when the target is dead', async () => {
    const scene = await off('defined');
    kill(scene.to);
    await cleanUpMove({ ...ORDER, targetIsOff: true }, scene, SIGNAL);
    expect(scene.source.running).toBe(true);
  });

  it('is not what its guest may have run on there', async () => {
    const scene = await off('started');
    await scene.cleanUp();
    expect([scene.source.running, scene.target.running]).toEqual([true, false]);
    expect(readMoveNote(scene.source.note ?? '')?.copies).toMatchObject(copies);
  });

  it('is not where the definition of its guest has its disks', async () => {
    const scene = await off('started');
    scene.target.running = true;
    expect(await commitMove(ORDER, scene, SIGNAL)).toMatchObject({ ok: true });
    expect(readMoveNote(scene.target.note ?? '')?.copies).toMatchObject(copies);
  });
});

/** libvirt before 8.9: its answer is the one that 11.3 gives to a flag that is new to it. */
class OldSession extends FakeSession {
  readonly flags: unknown[] = [];
  readonly #error: LibvirtError;

  constructor(error: LibvirtError, devices = '') {
    super({ pools: [], guests: { [UUID]: guestXml({ devices }) } });
    this.#error = error;
  }

  /** @param stateAt what is declared shared. */
  undefine(stateAt = '/srv'): Promise<void> {
    const sharedStorages = [{ id: 'state', paths: [stateAt] }];
    const domain = { session: this, handle: this.handleOf(UUID) };
    return undefineCompletely(domain, new FakeHost('h1', this, { sharedStorages }));
  }

  override int(name: string, ...args: readonly unknown[]): Promise<number> {
    if (name !== 'virDomainUndefineFlags') return super.int(name, ...args);
    const [, flags] = args;
    this.flags.push(flags);
    if ((Number(flags) & UNDEFINE.keepTpm) !== 0) return Promise.reject(this.#error);
    return Promise.resolve(0);
  }
}

describe('a definition on a libvirt that cannot be told to keep the TPM’s state', () => {
  const text = 'unsupported flags (0x40) in function qemuDomainUndefineFlags';

  it('is removed without telling it', async () => {
    const session = new OldSession(new LibvirtError(8, text, false));
    await session.undefine();
    expect(session.flags).toHaveLength(2);
    expect(Number(session.flags[1]) & UNDEFINE.keepNvram).not.toBe(0);
  });

  it('stays where libvirt means something else', async () => {
    const session = new OldSession(new LibvirtError(8, 'invalid argument: no', false));
    await expect(session.undefine()).rejects.toThrow('no');
    expect(session.flags).toHaveLength(1);
  });

  const tpm = `<tpm model='tpm-crb'>\n  <backend type='emulator' version='2.0'/>\n</tpm>`;

  it('stays where such a TPM has its state on shared storage: its guest may use it', async () => {
    const session = new OldSession(new LibvirtError(8, text, false), tpm);
    const undefining = session.undefine('/var/lib/libvirt/swtpm');
    await expect(undefining).rejects.toThrow(/before 8\.9 on h1 .* \(virsh edit\)/);
    expect(session.flags).toHaveLength(1);
  });

  it('goes with the state where that is its host’s own', async () => {
    const session = new OldSession(new LibvirtError(8, text, false), tpm);
    await session.undefine();
    expect(session.flags).toHaveLength(2);
  });
});
