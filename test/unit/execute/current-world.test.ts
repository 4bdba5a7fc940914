import fc from 'fast-check';
import { expect, it } from 'vitest';

import { hostId, moveId, planId, sourceId, vmId } from '../../../src/domain/ids.ts';
import { guestsOf } from '../../../src/domain/snapshot-index.ts';
import { epochSeconds, seconds } from '../../../src/domain/units.ts';
import { currentWorld } from '../../../src/execute/current-world.ts';
import type { EndedMove } from '../../../src/execute/ended-moves.ts';
import { aHost, aSnapshot, aVm, TEST_NOW } from '../../support/fleet.ts';

const LAB = sourceId('lab');
/** Monotonic: when its hosts were asked. */
const ASKED_AT = seconds(1000);

const SNAPSHOT = aSnapshot({
  hosts: [aHost({ id: 'h1', cpuUsed: 15 }), aHost({ id: 'h2', cpuUsed: 12 }), aHost({ id: 'h3' })],
  vms: [
    aVm({ id: 'a', host: 'h1', cpuUsed: 6, vcpus: 8 }),
    aVm({ id: 'b', host: 'h1', cpuUsed: 8, vcpus: 8 }),
  ],
  askedAt: new Map([[LAB, ASKED_AT]]),
});

function ended(outcome: EndedMove['outcome'], outlivedAt = ASKED_AT + 20): EndedMove {
  const about = {
    move: moveId('m1'),
    plan: planId('p1'),
    vm: vmId('a'),
    now: outcome === 'succeeded' ? hostId('h2') : undefined,
    outcome,
    source: LAB,
  };
  return { ...about, outlivedAt: seconds(outlivedAt) };
}

function uses(world: typeof SNAPSHOT): (number | undefined)[] {
  return world.hosts.slice(0, 2).map(({ metrics }) => {
    const used = metrics['cpu.used'];
    const [last, mean] = [used?.last, used?.mean].map((one) =>
      one?.kind === 'known' ? one.value : undefined,
    );
    expect(mean).toBe(last);
    return mean;
  });
}

it('a VM that has arrived since takes its CPU use along, up to the threads of its host', () => {
  const world = currentWorld(SNAPSHOT, [], [ended('succeeded')], undefined);
  expect(world.vms[0]?.host).toBe('h2');
  expect(uses(world)).toEqual([9, 16]);
});

it('of a VM that was off in the middle of its cold move nobody knows what it is since', () => {
  const vms = SNAPSHOT.vms.map((vm) => ({ ...vm, powerState: 'off' as const }));
  const states = (ends: readonly EndedMove[]) => {
    const world = currentWorld({ ...SNAPSHOT, vms }, [], ends, undefined);
    return world.vms.map(({ powerState }) => powerState);
  };
  expect(states([ended('succeeded')])).toEqual(['unknown', 'off']);
  expect(states([ended('failed')])).toEqual(['unknown', 'off']);
  expect(states([{ ...ended('succeeded'), now: hostId('h1') }])).toEqual(['unknown', 'off']);
  expect(states([ended('skipped')])).toEqual(['off', 'off']);
  expect(states([ended('succeeded', ASKED_AT - 1)])).toEqual(['off', 'off']);
});

it('a move that failed, or that the snapshot shows by itself, changes nothing', () => {
  for (const end of [ended('failed'), ended('succeeded', ASKED_AT - 1)]) {
    const world = currentWorld(SNAPSHOT, [], [end], undefined);
    expect(uses(world)).toEqual([15, 12]);
  }
});

it('an answer from before its end does not take it back, whenever it is looked at', () => {
  // The source has not answered since, or the wall clock was set.
  const later = { ...SNAPSHOT, takenAt: epochSeconds(TEST_NOW + 3600) };
  expect(currentWorld(later, [], [ended('succeeded')], undefined).vms[0]?.host).toBe('h2');
  const asked = new Map([[LAB, seconds(ASKED_AT + 21)]]);
  const newer = { ...SNAPSHOT, takenAt: epochSeconds(TEST_NOW - 3600), askedAt: asked };
  expect(currentWorld(newer, [], [ended('succeeded')], undefined).vms[0]?.host).toBe('h1');
});

it('looks the same to whoever asks after every end as to whoever asks for the first time', () => {
  const names = ['h1', 'h2', 'h3'];
  const anEnd = fc.record({
    vm: fc.constantFrom('a', 'b', 'gone'),
    now: fc.constantFrom(...names, undefined),
    outlivedAt: fc.constantFrom(ASKED_AT - 1, ASKED_AT + 20),
  });
  fc.assert(
    fc.property(fc.array(anEnd, { maxLength: 8 }), (drawn) => {
      const asked = { ...SNAPSHOT };
      let ends: readonly EndedMove[] = [];
      for (const [at, { vm, now, outlivedAt }] of drawn.entries()) {
        const end = { ...ended('succeeded', outlivedAt), move: moveId(`m${at}`), vm: vmId(vm) };
        ends = [...ends, { ...end, now: now === undefined ? undefined : hostId(now) }];
        const world = currentWorld(asked, [], ends, undefined);
        expect(world).toEqual(currentWorld({ ...SNAPSHOT }, [], ends, undefined));
        for (const { id, host } of world.vms) {
          expect(guestsOf(world, host).map((guest) => guest.id)).toContain(id);
        }
      }
    }),
  );
});
