// Role: a cold move that is broken off, or whose hosts do not come back to it, leaves its guest up.
import { describe, expect, it } from 'vitest';

import { CallTimeout, LibvirtError } from '../../../../adapters/libvirt/native/errors.ts';
import { Mover } from '../../../../adapters/libvirt/moves/mover.ts';
import { manualClock } from '../../../support/manual-clock.ts';
import { ORDER, Scene, SIGNAL } from './cold-scene.ts';
import type { GuestSession } from './fake-guest.ts';
import { options } from './samples.ts';

function hangAt(session: GuestSession, call: string): void {
  const int = session.int.bind(session);
  session.int = (name, ...args) => {
    if (name !== call) return int(name, ...args);
    return new Promise<number>(() => undefined);
  };
}

describe('Drover that stops in the middle of a cold move', () => {
  it('waits until the guest is down, and starts it again where it was', async () => {
    const clock = manualClock();
    const mover = new Mover(options(), clock);
    const scene = new Scene('', []);
    scene.source.obeys = false;
    expect(await mover.start(ORDER, scene, SIGNAL)).toMatchObject({ ok: true });
    await clock.pass(40);
    const closing = mover.close();
    await clock.pass(20);
    scene.source.running = false;
    await clock.until(closing, 10);
    expect([scene.source.running, scene.target.isDefined]).toEqual([true, false]);
  });

  it('waits no longer than for the shutdown, and cuts no power', async () => {
    const clock = manualClock();
    const cold = { shutdownSeconds: 60, force: true };
    const mover = new Mover(options({ cold }), clock);
    const scene = new Scene('', []);
    scene.source.obeys = false;
    await mover.start(ORDER, scene, SIGNAL);
    await clock.pass(1);
    await clock.until(mover.close(), 70);
    expect(scene.source.running).toBe(true);
    expect(scene.source.calls).not.toContain('virDomainDestroyFlags');
  });

  it('loses no guest out of sight that is going down, with one look that fails', async () => {
    const clock = manualClock();
    const scene = new Scene('', []);
    scene.source.obeys = false;
    await scene.prepare();
    const running = scene.run({}, clock);
    await clock.pass(5);
    scene.source.before.set('virDomainGetState', () => {
      throw new LibvirtError(38, 'broken pipe', true);
    });
    await clock.pass(5);
    scene.source.running = false;
    await clock.until(running, 10);
    expect([scene.source.running, scene.target.running]).toEqual([false, true]);
  });

  it('waits for a guest whose agent lets the request hang until it is off', async () => {
    const clock = manualClock();
    const scene = new Scene('', []);
    await scene.prepare();
    scene.source.before.set('virDomainShutdownFlags', () => {
      throw new CallTimeout('shutting down: no answer within 10 s');
    });
    const running = scene.run({}, clock);
    await clock.pass(20);
    expect(scene.source.running).toBe(true);
    scene.source.running = false;
    await clock.until(running, 10);
    expect(scene.target.running).toBe(true);
  });

  it('tells the target nothing any more', async () => {
    const scene = new Scene('', []);
    await scene.prepare();
    scene.target.before.set('virDomainLookupByUUIDString', () => {
      scene.flight.stopped = 'Drover stops';
    });
    await expect(scene.run()).rejects.toThrow('Drover stops');
    expect([scene.source.running, scene.target.isDefined]).toEqual([true, false]);
  });
});

describe('a copy to which a daemon does not come back', () => {
  it.each(['virStorageVolDownload', 'virStorageVolUpload', 'virStreamFinish'])(
    'is given up, and its guest comes up: %s',
    async (call) => {
      const clock = manualClock();
      const scene = new Scene();
      await scene.prepare();
      hangAt(scene.source, call);
      hangAt(scene.target, call);
      const running = scene.run({}, clock);
      await expect(clock.until(running, 310)).rejects.toThrow('no piece of the disks for 300 s');
      expect([scene.source.running, scene.target.isDefined]).toEqual([true, false]);
      expect(clock.sleeping).toBe(0);
    },
  );

  it('is given up sooner where it is to be broken off', async () => {
    const clock = manualClock();
    const scene = new Scene();
    await scene.prepare();
    hangAt(scene.target, 'virStorageVolUpload');
    const running = scene.run({}, clock);
    const told = running.catch((error: unknown) => String(error));
    await clock.pass(5);
    scene.flight.stopped = 'the move was stopped';
    expect(await clock.until(told, 10)).toContain('the move was stopped');
    expect(scene.source.running).toBe(true);
  });
});
