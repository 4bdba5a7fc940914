// Role: while a guest is off for its move, or was moved on unseen, somebody else runs it on a host
// that is neither end of the move: nothing starts it a second time, and no disk of it is removed.
import { describe, expect, it } from 'vitest';

import { ERROR } from '../../../../adapters/libvirt/native/constants.ts';
import { ConnectError, LibvirtError } from '../../../../adapters/libvirt/native/errors.ts';
import { writeMoveNote } from '../../../../adapters/libvirt/xml/metadata.ts';
import { note1, Scene } from './cold-scene.ts';
import { GuestHost } from './fake-guest.ts';
import { guestXml, UUID } from './samples.ts';

/** Somebody starts the guest on h3. */
function startOnThird(scene: Scene): void {
  const third = new GuestHost('h3', { [UUID]: guestXml({}) });
  third.guest.running = true;
  scene.others.push(third);
}

const refused = {
  ok: false,
  error: { code: 'refused', detail: expect.stringContaining('is running on h3') as string },
};

describe('a guest that runs on a third host', () => {
  /** Its controller died while the guest was off. */
  async function off(): Promise<Scene> {
    const scene = new Scene('', []);
    await scene.prepare();
    scene.source.running = false;
    scene.source.note = writeMoveNote({ ...note1(), target: 'untouched' });
    return scene;
  }

  it('is not started on its source when its cold move is taken back', async () => {
    const scene = await off();
    startOnThird(scene);
    expect(await scene.cleanUp()).toMatchObject(refused);
    expect(scene.source.running).toBe(false);
  });

  it('is, where that host only has it defined, or does not answer', async () => {
    const scene = await off();
    startOnThird(scene);
    const silent = new GuestHost('h4', {});
    silent.link.use = () => Promise.reject(new ConnectError(38, 'no route to host'));
    scene.others.push(silent);
    for (const { guest } of scene.others) guest.running = false;
    expect(await scene.cleanUp()).toMatchObject({ ok: true });
    expect(scene.source.running).toBe(true);
  });

  it('keeps the disks that its move has copied, which it may run on there', async () => {
    const scene = new Scene();
    await scene.move();
    // Moved on, with its definition, before the move was committed; the hosts share the pool.
    scene.target.running = false;
    await scene.target.int('virDomainUndefineFlags');
    startOnThird(scene);
    expect(await scene.cleanUp()).toMatchObject(refused);
    expect([scene.source.running, scene.to.volumes('default').length]).toEqual([false, 1]);
  });

  it('is not started on its target, nor on its source again, by a move that goes on', async () => {
    const scene = new Scene();
    scene.source.before.set('virStreamFinish', () => startOnThird(scene));
    await expect(scene.move()).rejects.toThrow('is running on h3');
    expect([scene.source.running, scene.target.isDefined]).toEqual([false, false]);
  });

  it('is not started on its source again where its target refuses it', async () => {
    const scene = new Scene('', []);
    scene.target.before.set('virDomainCreate', () => {
      startOnThird(scene);
      throw new Error('no');
    });
    await expect(scene.move()).rejects.toThrow('is running on h3');
    expect([scene.source.running, scene.target.running]).toEqual([false, false]);
  });
});

describe('a third host that tells nothing', () => {
  const silences = [
    ['declines', () => Promise.reject(new LibvirtError(ERROR.accessDenied, 'denied', false))],
    ['does not answer for long', () => new Promise<never>(() => undefined)],
  ] as const;

  function withThird(use: () => Promise<never>): Scene {
    const scene = new Scene('', []);
    const third = new GuestHost('h3', {});
    third.link.use = use;
    scene.others.push(third);
    return scene;
  }

  it.each(silences)('keeps no guest off that is moved cold: it %s', async (_how, use) => {
    const scene = withThird(use);
    await scene.move();
    expect([scene.source.running, scene.target.running]).toEqual([false, true]);
  });

  it.each(silences)('nor one that its target refuses: it %s', async (_how, use) => {
    const scene = withThird(use);
    scene.target.before.set('virDomainCreate', () => {
      throw new LibvirtError(ERROR.operationFailed, 'no memory left', false);
    });
    await expect(scene.move()).rejects.toThrow('no memory left');
    expect([scene.source.running, scene.target.running]).toEqual([true, false]);
  });
});
