// Role: the room for copies of disks at the gate's last look, of the world as it is when a move may
// start: what moves under way have been promised, and what those have taken that ended since.
import { expect, it } from 'vitest';

import { hostId, moveId, planId, sourceId, storageId, vmId } from '../../../src/domain/ids.ts';
import type { InFlightMove, Snapshot } from '../../../src/domain/snapshot.ts';
import { bytes, GIB, seconds } from '../../../src/domain/units.ts';
import { currentWorld } from '../../../src/execute/current-world.ts';
import type { EndedMove } from '../../../src/execute/ended-moves.ts';
import { misfit } from '../../../src/execute/fits.ts';
import { TEST_NOW, aHost, aPolicy, aSnapshot, aVm, someMigration } from '../../support/fleet.ts';
import { aMove } from '../../support/plans.ts';

const SSD = storageId('ssd');
const LAB = sourceId('lab');
const POLICY = { ...aPolicy(), migration: someMigration({ methods: ['storage'] }) };

function flight(vm: string, to: string): InFlightMove {
  const ends = { from: hostId('h1'), to: hostId(to) };
  return { move: moveId(`m-${vm}`), vm: vmId(vm), ...ends, method: 'storage', startedAt: TEST_NOW };
}

/** v1 to v3 have 10 GiB each on h1 alone; h2 and h3 put copies on one storage. */
function world(freeGib: number | undefined, inFlight: readonly InFlightMove[] = []): Snapshot {
  const own = storageId('own');
  return aSnapshot({
    hosts: [
      aHost({ id: 'h1', storages: [own], copiesTo: { '*': own } }),
      ...['h2', 'h3'].map((id) => aHost({ id, storages: [SSD], copiesTo: { '*': SSD } })),
    ],
    vms: ['v1', 'v2', 'v3'].map((id) =>
      aVm({ id, disks: [{ storage: own, bytes: bytes(10 * GIB), shared: false }] }),
    ),
    storages: [{ id: SSD, ...(freeGib !== undefined && { freeBytes: bytes(freeGib * GIB) }) }],
    inFlight,
    askedAt: new Map([[LAB, seconds(100)]]),
  });
}

function objection(snapshot: Snapshot): string {
  const found = misfit(aMove({ method: 'storage' }), snapshot, POLICY);
  return found === undefined ? 'fits' : `${found.code}: ${found.detail}`;
}

it('needs the room of the storage, where anybody knows it', () => {
  expect(objection(world(10))).toBe('fits');
  expect(objection(world(9))).toBe('storage-space: needs 10.0 GiB on ssd, 9.0 GiB free');
  expect(objection(world(undefined))).toBe('fits');
});

it('does not take what moves under way have been promised, by whichever host', () => {
  const both = [flight('v2', 'h2'), flight('v3', 'h3')];
  expect(objection(world(30, both))).toBe('fits');
  expect(objection(world(29, both))).toMatch(/, 29\.0 GiB free, 20\.0 GiB of it promised to moves/);
  // Its own place is not in its own way, and nobody counts twice.
  expect(objection(world(20, [flight('v1', 'h2'), flight('v2', 'h2'), flight('v2', 'h2')]))).toBe(
    'fits',
  );
});

it('does not take what a move has taken that ended after the hosts were asked', () => {
  const ended = (outlivedAt: number): EndedMove => ({
    move: moveId('m-v2'),
    plan: planId('p1'),
    vm: vmId('v2'),
    now: hostId('h3'),
    outcome: 'succeeded',
    source: LAB,
    outlivedAt: seconds(outlivedAt),
  });
  const after = (free: number, end: EndedMove) =>
    objection(currentWorld(world(free), [], [end], moveId('m1')));
  expect(after(20, ended(101))).toBe('fits');
  expect(after(19, ended(101))).toBe('storage-space: needs 10.0 GiB on ssd, 9.0 GiB free');
  // The reading is from after its end.
  expect(after(10, ended(99))).toBe('fits');
});
