// Role: what a cold move does when others take the guest into their hands in the middle of it.
import { setImmediate } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { Definitions } from '../../../../adapters/libvirt/definitions.ts';
import { makeReady } from '../../../../adapters/libvirt/moves/ready.ts';
import { commitMove } from '../../../../adapters/libvirt/moves/settle.ts';
import { LibvirtError } from '../../../../adapters/libvirt/native/errors.ts';
import { readMoveNote, writeMoveNote } from '../../../../adapters/libvirt/xml/metadata.ts';
import { manualClock } from '../../../support/manual-clock.ts';
import { note1, ORDER, OTHERS, Scene, SIGNAL, TAKEN_BACK } from './cold-scene.ts';
import type { GuestSession } from './fake-guest.ts';
import { diskXml } from './fake-host.ts';
import { UUID } from './samples.ts';

describe('a cold move', () => {
  it('ends with the guest running on its target, and only there', async () => {
    const scene = new Scene();
    await scene.move();
    expect([scene.source.running, scene.target.running]).toEqual([false, true]);
  });
});

describe('a move that has arrived', () => {
  it('has libvirt look how much room its copies have left, and does not wait for it', async () => {
    const scene = new Scene();
    await scene.move();
    const { calls, before } = scene.target;
    calls.length = 0;
    before.set('virStoragePoolRefresh', () => {
      throw new Error('the pool is gone');
    });
    expect(await commitMove(ORDER, scene, SIGNAL)).toMatchObject({ ok: true });
    await setImmediate();
    expect(calls).toContain('virStoragePoolRefresh');
  });
});

describe('the target of a cold move', () => {
  const takers: readonly (readonly [string, (source: GuestSession) => void])[] = [
    ['its owner', (source) => (source.running = true)],
    ['another move', (source) => (source.note = OTHERS)],
    ['who takes the move back', (source) => (source.note = TAKEN_BACK)],
  ];
  it.each(takers)('starts nothing where %s has the source meanwhile', async (who, take) => {
    const scene = new Scene();
    scene.target.before.set('virDomainDefineXML', () => take(scene.source));
    await expect(scene.move()).rejects.toThrow('was taken out');
    expect([scene.target.running, scene.target.isDefined]).toEqual([false, false]);
    expect(scene.source.running).toBe(who === 'its owner');
  });

  it('keeps a definition that is another move’s', async () => {
    const scene = new Scene();
    scene.target.before.set('virDomainDefineXML', () => {
      scene.define(scene.target, OTHERS);
      throw new Error('no');
    });
    await expect(scene.move()).rejects.toThrow('no');
    expect(scene.target.isDefined).toBe(true);
  });
});

describe('a cold move that is taken back', () => {
  async function interrupted(): Promise<Scene> {
    const scene = new Scene();
    scene.target.before.set('virDomainCreate', () => {
      scene.source.before.set('virDomainLookupByUUIDString', () => {
        throw new Error('dead');
      });
      throw new Error('dead');
    });
    await expect(scene.move()).rejects.toThrow('dead');
    // As a controller leaves it that ended right before it started the guest on its target.
    scene.define(scene.target, scene.source.note);
    return scene;
  }

  it('is claimed on its source before its target is looked at', async () => {
    const scene = await interrupted();
    let seen: string | undefined;
    scene.target.before.set('virDomainLookupByUUIDString', () => {
      seen = scene.source.note;
    });
    expect(await scene.cleanUp()).toMatchObject({ ok: true });
    expect(seen).toContain("'m1 taken back'");
    expect([scene.source.running, scene.source.note]).toEqual([true, undefined]);
    expect([scene.target.isDefined, scene.to.volumes('default')]).toEqual([false, []]);
  });

  it('is not, where the guest comes up on its target in that moment', async () => {
    const scene = await interrupted();
    scene.target.before.set('virDomainUndefineFlags', () => {
      scene.target.running = true;
    });
    for (let time = 0; time < 2; time += 1) {
      expect(await scene.cleanUp()).toMatchObject({ ok: false, error: { code: 'refused' } });
      expect(scene.source.running).toBe(false);
    }
    scene.target.running = false;
    expect(await scene.cleanUp()).toMatchObject({ ok: true });
    expect(scene.source.running).toBe(true);
  });
});

describe('a start on the target that gave no answer', () => {
  it('is not followed by one on the source where it comes late', async () => {
    const scene = new Scene('', []);
    const { target } = scene;
    target.before.set('virDomainCreate', () => {
      throw new LibvirtError(38, 'broken pipe', true);
    });
    // Its definition can be removed only when the start that was under way is over.
    target.before.set('virDomainUndefineFlags', () => {
      target.running = true;
    });
    await expect(scene.move()).rejects.toThrow('runs on h2 after all');
    expect([scene.source.running, target.running]).toEqual([false, true]);
  });
});

describe('a take-back whose claim is written over by the controller that it is taken from', () => {
  it('does not erase the note under which that one starts the guest', async () => {
    const scene = new Scene('', []);
    await scene.prepare();
    scene.source.running = false;
    const note = writeMoveNote({ ...note1(), target: 'untouched' });
    scene.source.note = note;
    scene.target.before.set('virDomainLookupByUUIDString', () => {
      scene.source.note = note;
      scene.source.running = false;
    });
    expect(await scene.cleanUp()).toMatchObject({ ok: false, error: { code: 'locked' } });
    expect(scene.source.note).toBe(note);
    expect(await scene.cleanUp()).toMatchObject({ ok: true });
    expect(scene.source.running).toBe(true);
  });
});

describe('the autostart of a guest that moves cold', () => {
  const told = "autostart='yes'";

  it('is off on the source only when its target knows the guest', async () => {
    const scene = new Scene();
    scene.source.autostart = true;
    let copying: boolean | undefined;
    scene.source.before.set('virStorageVolDownload', () => {
      copying = scene.source.autostart;
    });
    let defining: boolean | undefined;
    scene.target.before.set('virDomainDefineXML', () => {
      defining = scene.source.autostart;
    });
    await scene.move();
    expect([copying, defining]).toEqual([true, false]);
    expect(scene.target.note).toContain(told);
    expect(await commitMove(ORDER, scene, SIGNAL)).toMatchObject({ ok: true });
    expect(scene.target.autostart).toBe(true);
  });

  it('stays where a rebooted source has started the guest by itself', async () => {
    const scene = new Scene();
    scene.source.autostart = true;
    scene.source.before.set('virStreamFinish', () => {
      scene.source.running = true;
    });
    await expect(scene.move()).rejects.toThrow('was taken out');
    expect([scene.source.autostart, scene.target.isDefined]).toEqual([true, false]);
  });

  it('stays where the move was taken back while its controller slept', async () => {
    const scene = new Scene();
    scene.source.autostart = true;
    scene.source.before.set('virStreamFinish', () => {
      scene.source.before.set('virDomainGetXMLDesc', () => {
        scene.source.running = true;
        scene.source.note = undefined;
      });
    });
    await expect(scene.move()).rejects.toThrow('was taken out');
    expect(scene.source.autostart).toBe(true);
  });

  it('is known to a later move, where an earlier one has taken it away', async () => {
    const scene = new Scene();
    scene.source.note = writeMoveNote({ ...note1(), move: 'm0', autostart: true });
    await scene.prepare();
    expect(scene.source.note).toContain("'m1'");
    expect(scene.source.note).toContain(told);
  });

  it('is known to a later live move, too', async () => {
    const scene = new Scene();
    scene.source.note = writeMoveNote({ ...note1(), move: 'm0', autostart: true });
    const autostart = (): Promise<boolean> => Promise.resolve(false);
    await makeReady(ORDER, scene, { copies: [], autostart }, SIGNAL);
    expect(scene.source.note).toContain(told);
  });
});

describe('a guest that its owner shut down before the move did', () => {
  it('is neither moved nor started', async () => {
    const scene = new Scene();
    await scene.prepare();
    scene.source.running = false;
    await expect(scene.run()).rejects.toThrow('was not shut down by the move');
    expect(scene.source.calls).not.toContain('virStorageVolDownload');
    expect(await scene.cleanUp()).toMatchObject({ ok: true });
    expect([scene.source.running, scene.target.running]).toEqual([false, false]);
    expect(scene.source.note).toBeUndefined();
  });

  it('is told by what was noted right before Drover asked', async () => {
    const scene = new Scene();
    const seen: (string | undefined)[] = [];
    scene.source.before.set('virDomainSetMetadata', () => {
      scene.source.before.set('virDomainShutdownFlags', () => seen.push(scene.source.note));
    });
    await scene.prepare();
    expect(scene.source.note).not.toContain('off=');
    await scene.run();
    expect(seen).toEqual([expect.stringContaining("off='asked'")]);
  });

  it('is asked nothing where another move has it', async () => {
    const scene = new Scene();
    await scene.prepare();
    scene.source.note = OTHERS;
    await expect(scene.run()).rejects.toThrow('was taken out');
    expect([scene.source.running, scene.source.note]).toEqual([true, OTHERS]);
  });

  it('goes on where the same move is ordered again, and only then', async () => {
    for (const [move, ends] of [
      ['m1', true],
      ['m0', false],
    ] as const) {
      const scene = new Scene();
      scene.source.running = false;
      scene.source.note = writeMoveNote({ ...note1(), move });
      await scene.prepare();
      expect(
        await scene.run().then(
          () => true,
          () => false,
        ),
      ).toBe(ends);
      expect(scene.target.running).toBe(ends);
    }
  });
});

describe('a guest that does not go down by itself', () => {
  const force = { force: true, shutdownSeconds: 0 };

  it('has its power cut, where the operator allows it', async () => {
    const scene = new Scene();
    scene.source.obeys = false;
    await scene.prepare();
    await scene.run(force);
    expect([scene.source.running, scene.target.running]).toEqual([false, true]);
  });

  it.each([TAKEN_BACK, OTHERS])(
    'keeps it where it is not this move’s any more: %s',
    async (note) => {
      const scene = new Scene();
      scene.source.obeys = false;
      await scene.prepare();
      scene.source.before.set('virDomainShutdownFlags', () => {
        scene.source.note = note;
      });
      await expect(scene.run(force)).rejects.toThrow('was taken out');
      expect([scene.source.running, scene.target.running]).toEqual([true, false]);
    },
  );
});

describe('what an earlier move could not remove from a third host', () => {
  const left = { host: 'h3', pool: 'default', name: 'a.drover-1.img', dev: 'vda' };
  const copies = [{ ...left, from: '/images/a.img', path: '/images/a.drover-1.img' }];

  it('stays noted when the guest has arrived', async () => {
    const scene = new Scene();
    scene.source.note = writeMoveNote({ ...note1(), move: 'm0', askedOff: false, copies });
    await scene.move();
    for (let time = 0; time < 2; time += 1) {
      expect(await commitMove(ORDER, scene, SIGNAL)).toMatchObject({ ok: true });
      expect(readMoveNote(scene.target.note ?? '')).toMatchObject({ copies, autostart: false });
    }
  });

  it('says nothing of its autostart: what the host says counts', async () => {
    const scene = new Scene();
    scene.source.note = writeMoveNote({ ...note1(), askedOff: false, copies });
    scene.source.autostart = true;
    const texts = new Map<string, string>();
    const memory = {
      read: (name: string) => Promise.resolve(texts.get(name)),
      write: async (name: string, text: string) => void texts.set(name, text),
      remove: async (name: string) => void texts.delete(name),
      names: () => Promise.resolve([...texts.keys()]),
    };
    const definitions = new Definitions(memory, manualClock());
    await scene.from.onDomain(UUID, 'noting', (domain) =>
      definitions.note(domain, UUID, '<live/>'),
    );
    expect(await definitions.read(UUID)).toMatchObject({ autostart: true });
  });
});

describe('a disk that was written to while it was copied', () => {
  const TORN = 'was written while it was copied';

  it.each(['1700000009.5', undefined])('is of no use: %s', async (modified) => {
    const scene = new Scene();
    // The guest was started by hand, and is off again before the end.
    scene.source.before.set('virStreamFinish', () => {
      scene.source.modified = modified;
    });
    await expect(scene.move()).rejects.toThrow(TORN);
    expect(scene.target.isDefined).toBe(false);
    expect(scene.source.running).toBe(true);
  });

  it('cannot be told where its host knows no times', async () => {
    const scene = new Scene();
    scene.source.modified = undefined;
    await expect(scene.move()).rejects.toThrow('vda');
    expect(scene.target.isDefined).toBe(false);
  });

  it('is found also where it was the first of several', async () => {
    const second = diskXml({ source: `file='/images/b.img'`, dev: 'vdb' });
    const scene = new Scene(diskXml({}) + second, ['a.img', 'b.img']);
    scene.source.before.set('virStorageVolDownload', () => {
      scene.source.before.set('virStorageVolDownload', () => {
        scene.source.modifiedOf.set('a.img', '1700000009.5');
      });
    });
    await expect(scene.move()).rejects.toThrow(`vda ${TORN}`);
    expect(scene.target.isDefined).toBe(false);
  });
});

describe('the source of a cold move that failed', () => {
  it('is started again by the move that shut it down', async () => {
    const scene = new Scene();
    scene.target.before.set('virDomainDefineXML', () => {
      throw new Error('no');
    });
    await expect(scene.move()).rejects.toThrow('no');
    expect([scene.source.running, scene.target.running]).toEqual([true, false]);
  });

  it.each(['virStorageVolUpload', 'virDomainDefineXML'])(
    'is not started where another move has it meanwhile (%s)',
    async (call) => {
      const scene = new Scene();
      scene.target.before.set(call, () => {
        scene.source.note = OTHERS;
        throw new Error('no');
      });
      await expect(scene.move()).rejects.toThrow('no');
      expect(scene.source.running).toBe(false);
    },
  );

  it('is not started by the take-back of a move that lost it meanwhile', async () => {
    const scene = new Scene();
    await scene.prepare();
    scene.source.running = false;
    const note = { ...note1(), autostart: true };
    scene.source.note = writeMoveNote(note);
    scene.source.before.set('virDomainGetAutostart', () => {
      scene.source.note = OTHERS;
    });
    await scene.cleanUp();
    expect(scene.source.running).toBe(false);
  });
});
