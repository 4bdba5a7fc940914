// Role: a guest is not shut down for a copy of its disks that cannot be made.
import { describe, expect, it } from 'vitest';

import type { Connection } from '../../../../adapters/libvirt/connection.ts';
import { COPYING_THREADS } from '../../../../adapters/libvirt/disks/copy-lines.ts';
import { Mover } from '../../../../adapters/libvirt/moves/mover.ts';
import { ERROR } from '../../../../adapters/libvirt/native/constants.ts';
import { LibvirtError } from '../../../../adapters/libvirt/native/errors.ts';
import { sharesOf } from '../../../../adapters/libvirt/native/seats.ts';
import { manualClock } from '../../../support/manual-clock.ts';
import { ORDER, Scene, SIGNAL } from './cold-scene.ts';
import type { GuestHost } from './fake-guest.ts';
import { options } from './samples.ts';

/** Counts the connections that are open for long calls. */
function counting({ link }: GuestHost): { open: number; made: number } {
  const count = { open: 0, made: 0 };
  const [open, drop] = [link.open.bind(link), link.drop.bind(link)];
  link.open = async (signal) => {
    const connection = await open(signal);
    count.open += 1;
    count.made += 1;
    return connection;
  };
  link.drop = (connection: Connection) => {
    count.open -= 1;
    drop(connection);
  };
  return count;
}

function scene() {
  const all = new Scene();
  const mover = new Mover(options(), manualClock());
  return { all, mover, source: counting(all.from), target: counting(all.to) };
}

describe('a cold move of disks for which the process has too few threads', () => {
  it('is refused before anything happened, and says what to do', async () => {
    const { all, mover, source } = scene();
    const why = '1 long calls are under way: UV_THREADPOOL_SIZE allows no more';
    all.to.link.open = () => Promise.reject(new LibvirtError(ERROR.resourceBusy, why, false));
    const refused = mover.start(ORDER, all, SIGNAL);
    await expect(refused).rejects.toThrow(
      `${why}: try again later, or start Drover with 12 threads`,
    );
    await expect(refused).rejects.toMatchObject({ code: ERROR.resourceBusy });
    expect([all.source.running, all.source.note]).toEqual([true, undefined]);
    expect(all.to.volumes('default')).toEqual([]);
    expect(source).toEqual({ open: 0, made: 1 });
  });

  it('is told how many it takes', () => {
    const most = [COPYING_THREADS - 1, COPYING_THREADS].map((one) => sharesOf(one).long.capacity);
    expect(most).toEqual([1, 2]);
  });
});

describe('the connections that disks are copied over', () => {
  it('are there before the guest is asked to shut down, and gone at the end', async () => {
    const { all, source, target } = scene();
    const seen: number[] = [];
    all.source.before.set('virDomainShutdownFlags', () => seen.push(source.open, target.open));
    await all.move();
    expect(seen).toEqual([1, 1]);
    expect([all.target.running, source.open, target.open]).toEqual([true, 0, 0]);
  });

  it('are gone where the move fails', async () => {
    for (const call of ['virStorageVolCreateXML', 'virStorageVolUpload', 'virDomainDefineXML']) {
      const { all, source, target } = scene();
      all.target.before.set(call, () => {
        throw new Error('no');
      });
      await expect(all.move()).rejects.toThrow('no');
      expect([call, source.open, target.open]).toEqual([call, 0, 0]);
    }
  });

  it('are gone where another start of the move was first', async () => {
    const { all, mover, source, target } = scene();
    all.source.obeys = false;
    const starts = await Promise.all([1, 2].map(() => mover.start(ORDER, all, SIGNAL)));
    expect(starts).toMatchObject([{ ok: true }, { ok: true }]);
    expect([source.open, target.open]).toEqual([1, 1]);
  });

  it('are made anew where one broke while the guest shut down', async () => {
    const { all, source, target } = scene();
    const open = all.to.link.open.bind(all.to.link);
    all.to.link.open = async (signal) => {
      const connection: Connection = Object.create(await open(signal));
      if (target.made === 1) connection.isUsable = () => Promise.resolve(false);
      return connection;
    };
    await all.move();
    expect(all.target.running).toBe(true);
    expect([source.made, target.made, target.open]).toEqual([1, 2, 0]);
  });
});
