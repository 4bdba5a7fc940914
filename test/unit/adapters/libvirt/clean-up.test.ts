// Role: what is left of a move that came to nothing is removed, and a guest that came up is not.
import { describe, expect, it } from 'vitest';

import { Definitions } from '../../../../adapters/libvirt/definitions.ts';
import { undefineCompletely } from '../../../../adapters/libvirt/moves/settle.ts';
import { Restarter } from '../../../../adapters/libvirt/moves/restart.ts';
import { UNDEFINE } from '../../../../adapters/libvirt/native/constants.ts';
import { LibvirtError } from '../../../../adapters/libvirt/native/errors.ts';
import { manualClock } from '../../../support/manual-clock.ts';
import { ORDER, Scene, SIGNAL } from './cold-scene.ts';
import { GuestHost } from './fake-guest.ts';
import { FakeSession } from './fake-host.ts';
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
    const definitions = new Definitions(undefined, manualClock());
    const restarter = new Restarter({ hosts: [to], definitions });
    to.guest.before.set('virDomainIsPersistent', () => {
      to.guest.running = true;
    });
    const order = { ...ORDER, method: 'restart' as const };
    expect(await restarter.cleanUp(order, { from: to, to }, SIGNAL)).toMatchObject({
      ok: false,
      error: { code: 'refused', detail: expect.stringContaining('it is running') },
    });
    expect([to.guest.running, to.guest.isDefined]).toEqual([true, true]);
    to.guest.running = false;
    expect(await restarter.cleanUp(order, { from: to, to }, SIGNAL)).toMatchObject({ ok: true });
    expect(to.guest.isDefined).toBe(false);
  });
});

/** libvirt before 8.9: its answer is the one that 11.3 gives to a flag that is new to it. */
class OldSession extends FakeSession {
  readonly flags: unknown[] = [];
  readonly #error: LibvirtError;

  constructor(error: LibvirtError) {
    super({ pools: [] });
    this.#error = error;
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
  it('is removed without telling it', async () => {
    const text = 'unsupported flags (0x40) in function qemuDomainUndefineFlags';
    const session = new OldSession(new LibvirtError(8, text, false));
    await undefineCompletely({ session, handle: 0n });
    expect(session.flags).toHaveLength(2);
    expect(Number(session.flags[1]) & UNDEFINE.keepNvram).not.toBe(0);
  });

  it('stays where libvirt means something else', async () => {
    const session = new OldSession(new LibvirtError(8, 'invalid argument: no', false));
    await expect(undefineCompletely({ session, handle: 0n })).rejects.toThrow('no');
    expect(session.flags).toHaveLength(1);
  });
});
