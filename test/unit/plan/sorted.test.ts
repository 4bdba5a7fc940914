// Role: what the search keeps sorted, and sorts only when it is asked: hosts by room, VMs by price.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { CheapestFirst } from '../../../src/plan/cheapest-first.ts';
import { RoomIndex } from '../../../src/plan/room.ts';
import { aHost } from '../../support/fleet.ts';

/** Few values, so that there are ties. */
const SIZE = fc.integer({ min: 0, max: 6 });

describe('hosts by room', () => {
  const WIDTH = 2;
  const CHANGE = fc.record({ host: fc.nat(), load: SIZE, look: fc.boolean() });

  it('are in order whenever somebody looks, whatever has changed since', () => {
    const rooms = fc.array(SIZE, { minLength: 1, maxLength: 12 });
    const property = fc.property(rooms, fc.array(CHANGE), (limits, changes) => {
      const hosts = limits.map((_limit, h) => aHost({ id: `h${h}` }));
      const limit = Float64Array.from(limits.flatMap((room) => [room, 0]));
      const gross = new Float64Array(limit.length);
      const index = new RoomIndex({ hosts, width: WIDTH, limit }, gross);
      const room = (h: number): number => (limits[h] ?? 0) - (gross[h * WIDTH] ?? 0);
      const look = (): void => {
        const sorted = [...hosts.keys()].sort((a, b) => room(a) - room(b) || b - a);
        expect([...index.order]).toEqual(sorted);
        expect(index.most()).toBe(room(sorted.at(-1) ?? 0));
        expect(index.firstWith(2)).toBe(sorted.filter((h) => room(h) < 2).length);
      };
      look();
      for (const { host, load, look: isLookedAt } of changes) {
        const h = host % hosts.length;
        gross[h * WIDTH] = load;
        index.update(h);
        if (isLookedAt) look();
      }
      look();
    });
    fc.assert(property);
  });

  it('are in order also for who asks for the most room first', () => {
    const hosts = [aHost({ id: 'h1' }), aHost({ id: 'h2' })];
    const gross = new Float64Array(2);
    const index = new RoomIndex({ hosts, width: 1, limit: Float64Array.of(5, 4) }, gross);
    gross[0] = 3;
    index.update(0);
    expect(index.most()).toBe(4);
    gross[1] = 3;
    index.update(1);
    expect(index.firstWith(2)).toBe(1);
  });
});

describe('VMs by price', () => {
  it('come the cheapest first, of these the smallest, of these by index', () => {
    const vms = fc.array(fc.record({ price: SIZE, size: SIZE, isIn: fc.boolean() }));
    const property = fc.property(vms, fc.array(fc.nat({ max: 20 })), (all, asked) => {
      const model = {
        width: 1,
        need: Float64Array.from(all, ({ size }) => size),
        cost: Float64Array.from(all, ({ price }) => price / 3),
      };
      const own = [...all.keys()].filter((v) => all[v]?.isIn);
      const { need, cost } = model;
      const sorted = own.toSorted(
        (a, b) => (cost[a] ?? 0) - (cost[b] ?? 0) || (need[a] ?? 0) - (need[b] ?? 0) || a - b,
      );
      const cheapest = new CheapestFirst(model, own);
      expect(cheapest.length).toBe(own.length);
      for (const rank of asked) expect(cheapest.at(rank)).toBe(sorted[rank] ?? -1);
      expect(own.map((_v, rank) => cheapest.at(rank))).toEqual(sorted);
    });
    fc.assert(property);
  });
});
