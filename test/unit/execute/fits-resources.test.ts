// Role: resources that a policy names, and CPU and memory by host, at the gate's last look, of the
// world as it is when a move may start.
import { expect, it } from 'vitest';

import { hostId, moveId, vmId } from '../../../src/domain/ids.ts';
import type { Move } from '../../../src/domain/plan.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { ratio } from '../../../src/domain/units.ts';
import { misfit } from '../../../src/execute/fits.ts';
import { type ResourceOptions, aResource } from '../../support/a-resource.ts';
import { TEST_NOW, aHost, aPolicy, aSnapshot, aVm } from '../../support/fleet.ts';
import { aMove } from '../../support/plans.ts';

const optional = aMove({ tier: 'optional' });
const mandatory = aMove({ tier: 'mandatory' });

function flight(vm: string, from: string, to: string): Snapshot['inFlight'][number] {
  return {
    move: moveId('earlier'),
    vm: vmId(vm),
    from: hostId(from),
    to: hostId(to),
    method: 'pre-copy',
    startedAt: TEST_NOW,
  };
}

/** v1 is to go from h1 to h2, where v2 is; v3 is on h3. Each takes 4 of it. */
function objection(
  move: Move,
  resource: ResourceOptions,
  inFlight: Snapshot['inFlight'] = [],
): string {
  const snapshot = aSnapshot({
    hosts: ['h1', 'h2', 'h3'].map((id) => aHost({ id })),
    vms: [aVm({ id: 'v1' }), aVm({ id: 'v2', host: 'h2' }), aVm({ id: 'v3', host: 'h3' })],
    resources: [aResource({ needs: { v1: 4, v2: 4, v3: 4 }, ...resource })],
    inFlight,
  });
  const found = misfit(move, snapshot, aPolicy());
  return found === undefined ? 'fits' : `${found.code}: ${found.detail}`;
}

const AWAY = [flight('v2', 'h2', 'h3')];
const COMING = [flight('v3', 'h3', 'h2')];
const HALF = 'resource: needs 4 of slots, 0 free';
const SHORT = 'resource: needs 4 of slots, 3 free';

const CASES: readonly (readonly [string, Move, ResourceOptions, Snapshot['inFlight'], string])[] = [
  ['room for both', optional, { has: { h2: 8 } }, [], 'fits'],
  ['too little room', optional, { has: { h2: 7 } }, [], SHORT],
  ['above the safety capacity', optional, { has: { h2: 10 }, safety: 0.7 }, [], SHORT],
  ['somebody else is coming', optional, { has: { h2: 11 } }, COMING, SHORT],
  ['somebody is leaving', optional, { has: { h2: 7 } }, AWAY, SHORT],
  ['of no matter when leaving', optional, { has: { h2: 7 }, transient: false }, AWAY, 'fits'],
  [
    'a measured load that went up a little, to empty a host',
    mandatory,
    { has: { h2: 8 }, safety: 0.97, measured: true },
    [],
    'fits',
  ],
  [
    'one that is not measured, to empty a host',
    mandatory,
    { has: { h2: 8 }, safety: 0.97 },
    [],
    'resource: needs 4 of slots, 3.76 free',
  ],
  ['a soft one, to empty a host', mandatory, { has: { h2: 8 }, safety: 0.5, soft: true }, [], HALF],
  [
    'a soft one, planned to go above',
    { ...mandatory, overSoft: true },
    { has: { h2: 8 }, safety: 0.5, soft: true },
    [],
    'fits',
  ],
  [
    'a soft one, planned to go above, that has too little in all',
    { ...mandatory, overSoft: true },
    { has: { h2: 7 }, safety: 0.5, soft: true, measured: true },
    [],
    SHORT,
  ],
  [
    'a soft one, planned to go above for less than an evacuation',
    { ...optional, overSoft: true },
    { has: { h2: 8 }, safety: 0.5, soft: true },
    [],
    HALF,
  ],
  [
    'nobody knows what it needs',
    mandatory,
    { has: { h2: 99 }, needs: {} },
    [],
    'resource-unknown: nobody knows what it needs of slots',
  ],
  [
    'nobody knows what is in use',
    optional,
    { has: { h2: 99 }, needs: { v1: 4 } },
    [],
    'resource-unknown: nobody knows how much h2 has free of slots',
  ],
  [
    'nobody knows what the host has',
    optional,
    { has: {} },
    [],
    'resource-unknown: nobody knows how much h2 has free of slots',
  ],
  ['it needs none', optional, { has: {}, needs: { v1: 0 } }, [], 'fits'],
];

it.each(CASES)('%s', (...[, move, resource, inFlight, expected]) => {
  expect(objection(move, resource, inFlight)).toBe(expected);
});

it('fills a host with CPU and memory as far as the policy says of that host', () => {
  const world = (margins: NonNullable<ReturnType<typeof aHost>['margins']>) =>
    aSnapshot({
      hosts: [aHost({ id: 'h1' }), aHost({ id: 'h2', margins })],
      vms: [aVm({ id: 'v1' }), aVm({ id: 'v2', host: 'h2' })],
    });
  const code = (margins: Parameters<typeof world>[0]) =>
    misfit(optional, world(margins), aPolicy())?.code;
  expect(code({ safety: {} })).toBeUndefined();
  expect(code({ safety: { cpu: ratio(0.1) } })).toBe('cpu');
  expect(code({ safety: { memory: ratio(0.1) } })).toBe('memory');
});
