// Role: a guest that a cold move has asked to shut down is not lost, whoever is there when it goes.
import { describe, expect, it } from 'vitest';

import { GRACE_SECONDS } from '../../../../adapters/libvirt/moves/going-down.ts';
import { Mover } from '../../../../adapters/libvirt/moves/mover.ts';
import { readMoveNote, writeMoveNote } from '../../../../adapters/libvirt/xml/metadata.ts';
import { hostId, moveId } from '../../../../src/domain/ids.ts';
import { manualClock } from '../../../support/manual-clock.ts';
import { note1, ORDER, Scene, SIGNAL } from './cold-scene.ts';
import { GuestHost } from './fake-guest.ts';
import { options } from './samples.ts';

const LIMIT = options().cold.shutdownSeconds;
const WINDOW = LIMIT + GRACE_SECONDS;
const LOCKED = {
  ok: false,
  error: { code: 'locked', detail: expect.stringContaining('may still') },
};

/** The daemon died right after it had asked the guest; another one takes the move up. */
async function killed(clock = manualClock()) {
  const scene = new Scene('', []);
  scene.source.obeys = false;
  // Its clock stands still from here on.
  const dead = new Mover(options(), manualClock(clock.now()));
  expect(await dead.start(ORDER, scene, SIGNAL)).toMatchObject({ ok: true });
  await expect.poll(() => scene.source.calls).toContain('virDomainShutdownFlags');
  const mover = new Mover(options(), clock);
  return { clock, scene, dead, mover };
}

describe('a guest whose controller died while it was going down', () => {
  it('is under way until it is off, and comes up again where it was', async () => {
    const { clock, scene, mover } = await killed();
    await clock.pass(LIMIT);
    expect(await mover.job(ORDER, scene, SIGNAL)).toMatchObject({ kind: 'running' });
    expect(await mover.cleanUp(ORDER, scene, SIGNAL)).toMatchObject(LOCKED);
    expect(readMoveNote(scene.source.note ?? '')).toMatchObject({ move: 'm1', askedOff: true });
    scene.source.running = false;
    expect(await mover.job(ORDER, scene, SIGNAL)).toMatchObject({ kind: 'none' });
    expect(await mover.cleanUp(ORDER, scene, SIGNAL)).toMatchObject({ ok: true });
    expect([scene.source.running, scene.source.note]).toEqual([true, undefined]);
  });

  it('has ignored it when the time is up', async () => {
    const { clock, scene, mover } = await killed();
    await clock.pass(WINDOW);
    expect(await mover.job(ORDER, scene, SIGNAL)).toMatchObject({
      kind: 'ended',
      ok: false,
      detail: expect.stringContaining('did not shut down'),
    });
    expect(await mover.cleanUp(ORDER, scene, SIGNAL)).toMatchObject({ ok: true });
    expect([scene.source.running, scene.source.note]).toEqual([true, undefined]);
  });

  it('is not taken for one that ignored it in the moment in which its power goes', async () => {
    const { clock, scene, mover } = await killed();
    await clock.pass(WINDOW);
    scene.source.isEnding = true;
    expect(await mover.cleanUp(ORDER, scene, SIGNAL)).toMatchObject(LOCKED);
    // Nor waited for without end, should QEMU not come to its own.
    expect(await mover.job(ORDER, scene, SIGNAL)).toMatchObject({ kind: 'ended', ok: false });
  });

  it.each([
    ['was set back by a day', -86_400, true],
    ['is some seconds behind', -5, true],
    ['of an older Drover was not noted', 0, false],
  ])('is waited for as long, and no longer, where the time %s', async (_what, jump, isNoted) => {
    const { clock, scene, mover } = await killed();
    if (!isNoted) scene.source.note = scene.source.note?.replace(/ asked='[^']*'/, '');
    clock.jump(jump);
    expect(await mover.job(ORDER, scene, SIGNAL)).toMatchObject({ kind: 'running' });
    await clock.pass(LIMIT);
    expect(await mover.cleanUp(ORDER, scene, SIGNAL)).toMatchObject(LOCKED);
    await clock.pass(GRACE_SECONDS + 5);
    expect(await mover.cleanUp(ORDER, scene, SIGNAL)).toMatchObject({ ok: true });
  });

  it.each(['cold', 'pre-copy'] as const)(
    'is moved by nobody else meanwhile: %s',
    async (method) => {
      const { clock, scene, mover } = await killed();
      await clock.pass(5);
      const other = { ...ORDER, move: moveId('m2'), to: hostId('h3'), method };
      const ends = { from: scene.from, to: new GuestHost('h3', {}), others: [] };
      expect(await mover.start(other, ends, SIGNAL)).toMatchObject(LOCKED);
      expect(await mover.cleanUp(other, ends, SIGNAL)).toMatchObject(LOCKED);
      expect(readMoveNote(scene.source.note ?? '')).toMatchObject({ move: 'm1', askedOff: true });
    },
  );

  it('keeps its note where another move is cleaned up after it is off', async () => {
    const { scene, mover } = await killed();
    scene.source.running = false;
    const other = { ...ORDER, move: moveId('m2') };
    expect(await mover.cleanUp(other, scene, SIGNAL)).toMatchObject({ ok: false });
    expect(readMoveNote(scene.source.note ?? '')).toMatchObject({ move: 'm1', askedOff: true });
    expect(await mover.cleanUp(ORDER, scene, SIGNAL)).toMatchObject({ ok: true });
    expect(scene.source.running).toBe(true);
  });
});

describe('a guest that takes longer than it may to shut down', () => {
  it('is still looked after for a while', async () => {
    const clock = manualClock();
    const scene = new Scene('', []);
    scene.source.obeys = false;
    const mover = new Mover(options(), clock);
    await mover.start(ORDER, scene, SIGNAL);
    await clock.pass(LIMIT + 5);
    expect(await mover.job(ORDER, scene, SIGNAL)).toMatchObject({ kind: 'running' });
    scene.source.running = false;
    expect(await mover.job(ORDER, scene, SIGNAL)).toMatchObject({ kind: 'ended', ok: false });
    expect(await mover.cleanUp(ORDER, scene, SIGNAL)).toMatchObject({ ok: true });
    expect(scene.source.running).toBe(true);
  });
});

describe('a guest that was started again', () => {
  it('is not waited for any more', async () => {
    const clock = manualClock();
    const scene = new Scene('', []);
    scene.target.before.set('virDomainDefineXML', () => {
      throw new Error('no');
    });
    const mover = new Mover(options(), clock);
    await mover.start(ORDER, scene, SIGNAL);
    await clock.pass(1);
    expect(scene.source.running).toBe(true);
    expect(await mover.job(ORDER, scene, SIGNAL)).toMatchObject({ kind: 'ended', detail: 'no' });
    expect(await mover.cleanUp(ORDER, scene, SIGNAL)).toMatchObject({ ok: true });
  });
});

describe('a note that is not the move’s own any more', () => {
  it('is not erased at the end of its take-back', async () => {
    const scene = new Scene();
    await scene.prepare();
    const others = writeMoveNote({ ...note1(), move: 'm2', to: 'h3', askedOff: false });
    // Right after the take-back has looked at its note for the last time.
    scene.target.before.set('virStorageVolDelete', () => {
      scene.source.note = others;
    });
    await scene.cleanUp();
    expect(scene.source.note).toBe(others);
  });
});

describe('Drover that stops', () => {
  it('shuts no guest down any more for a move that was still being prepared', async () => {
    const clock = manualClock();
    const scene = new Scene('', []);
    const mover = new Mover(options(), clock);
    scene.source.before.set('virDomainSetMetadata', () => void mover.close());
    expect(await mover.start(ORDER, scene, SIGNAL)).toMatchObject({ error: { code: 'locked' } });
    await clock.pass(5);
    expect(scene.source.calls).not.toContain('virDomainShutdownFlags');
    expect(scene.source.running).toBe(true);
  });
});
