// Role: a cold move whose controller loses its lease goes no step forward, and takes itself back.
import { describe, expect, it } from 'vitest';

import { prepareColdMove, runColdMove } from '../../../../adapters/libvirt/moves/cold-move.ts';
import { Flight } from '../../../../adapters/libvirt/moves/flight.ts';
import { vmId } from '../../../../src/domain/ids.ts';
import { allowWhile } from '../../../../src/ports/permission.ts';
import { manualClock } from '../../../support/manual-clock.ts';
import { aMoveOrder } from '../../../support/plans.ts';
import { Scene } from './cold-scene.ts';
import { GuestHost } from './fake-guest.ts';
import { guestXml, options, UUID } from './samples.ts';

const ORDER = aMoveOrder({ vm: vmId(UUID), method: 'cold' });

/** A move that has been begun; the lease goes right before the call of that name to `host`. */
async function begun(host?: 'from' | 'to', call = '') {
  const from = new GuestHost('h1', { [UUID]: guestXml({}) });
  const to = new GuestHost('h2', {});
  from.guest.running = true;
  const flight = new Flight(ORDER);
  await prepareColdMove(flight, { from, to }, new AbortController().signal);
  const { signal } = new AbortController();
  flight.allowed = { signal };
  let isHeld = true;
  allowWhile(signal, () => isHeld);
  const lose = (): void => {
    isHeld = false;
  };
  if (host === undefined) lose();
  else ({ from, to })[host].guest.before.set(call, lose);
  const run = (cold = {}): Promise<void> =>
    runColdMove(flight, {
      ends: { from, to, others: [] },
      options: { ...options().cold, ...cold },
      clock: manualClock(),
    });
  return { from: from.guest, to: to.guest, run };
}

describe('a cold move without its lease', () => {
  it('asks no guest to shut down', async () => {
    const { from, to, run } = await begun();
    await expect(run()).rejects.toThrow('shutting down');
    expect(from.calls).not.toContain('virDomainShutdownFlags');
    expect([from.running, to.isDefined]).toEqual([true, false]);
  });

  it('cuts no power', async () => {
    const { from, run } = await begun('from', 'virDomainShutdownFlags');
    from.obeys = false;
    await expect(run({ shutdownSeconds: 0, force: true })).rejects.toThrow('cutting the power');
    expect(from.running).toBe(true);
  });

  it('takes no autostart away, and starts the guest where it was', async () => {
    const { from, to, run } = await begun('from', 'virDomainShutdownFlags');
    from.autostart = true;
    await expect(run()).rejects.toThrow('no lease');
    expect([from.running, from.autostart, to.isDefined]).toEqual([true, true, false]);
    expect(to.calls).not.toContain('virDomainDefineXML');
  });

  it('defines nothing on the target', async () => {
    const { from, to, run } = await begun('from', 'virDomainGetAutostart');
    await expect(run()).rejects.toThrow('defining');
    expect(to.calls).not.toContain('virDomainDefineXML');
    expect(from.running).toBe(true);
  });

  it('starts nothing on the target', async () => {
    const { from, to, run } = await begun('to', 'virDomainDefineXML');
    await expect(run()).rejects.toThrow('starting');
    expect(to.calls).not.toContain('virDomainCreate');
    expect([from.running, to.isDefined]).toEqual([true, false]);
  });
});

describe('a cold move with disks, without its lease', () => {
  it('copies none, and starts the guest where it was', async () => {
    const scene = new Scene();
    await scene.prepare();
    const { signal } = new AbortController();
    let isHeld = true;
    allowWhile(signal, () => isHeld);
    scene.flight.allowed = { signal };
    scene.source.before.set('virDomainShutdownFlags', () => {
      isHeld = false;
    });
    await expect(scene.run()).rejects.toThrow('no lease');
    expect(scene.source.calls).not.toContain('virStorageVolDownload');
    expect([scene.source.running, scene.target.isDefined]).toEqual([true, false]);
  });
});

describe('the target’s definition', () => {
  it('is not written over where the guest runs there by now', async () => {
    const { from, to, run } = await begun('to', '-');
    const others = guestXml({ more: '<description>of another controller</description>' });
    from.before.set('virDomainGetXMLDesc', () => {
      to.define(others);
      to.running = true;
    });
    await expect(run()).rejects.toThrow('runs on h2 after all');
    expect(to.calls).not.toContain('virDomainDefineXML');
    expect([from.running, to.running]).toEqual([false, true]);
  });

  it('is not written where the move was taken back since', async () => {
    const { from, to, run } = await begun('to', '-');
    from.before.set('virDomainSetAutostart', () => {
      from.note = from.note?.replace(ORDER.move, `${ORDER.move} taken back`);
    });
    from.autostart = true;
    await expect(run()).rejects.toThrow('taken out of the move');
    expect(to.calls).not.toContain('virDomainDefineXML');
  });
});
