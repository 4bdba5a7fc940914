// Role: a fleet on its way to another thread: whole the first time, then what has changed of it.
import { expect, it } from 'vitest';

import { hearFleet, tellFleet } from '../../../src/app/fleet-parts.ts';
import { aHost, aVm } from '../../support/fleet.ts';

const FLEET = {
  hosts: Array.from({ length: 3 }, (_none, index) => aHost({ id: `h${index}` })),
  vms: Array.from({ length: 1200 }, (_none, index) => aVm({ id: `v${index}`, host: 'h0' })),
};

it('is told whole, in parts, to whoever has none', () => {
  const message = tellFleet(FLEET, undefined);
  expect(message.parts.map(({ items }) => items.length)).toEqual([3, 500, 500, 200]);
  expect(hearFleet(undefined, message)).toEqual(FLEET);
});

it('is told with fewer hosts than VMs in a part, as each takes longer', () => {
  const hosts = Array.from({ length: 150 }, (_none, index) => aHost({ id: `h${index}` }));
  const message = tellFleet({ hosts, vms: [] }, undefined);
  expect(message.parts.map(({ items }) => items.length)).toEqual([70, 70, 10]);
});

it('is told by what is another object than before', () => {
  const after = {
    hosts: FLEET.hosts.map((host) =>
      host.id === 'h1' ? ({ ...host, state: 'draining' } as const) : host,
    ),
    vms: FLEET.vms.map((vm) => (vm.id === 'v700' ? { ...vm, host: FLEET.hosts[2]?.id } : vm)),
  } as typeof FLEET;
  const message = tellFleet(after, FLEET);
  expect(message.isWhole).toBe(false);
  expect(message.parts.map(({ at }) => at)).toEqual([[1], [700]]);
  expect(hearFleet(FLEET, message)).toEqual(after);
});

it('keeps a list of which nothing is told, with all that was found out about it', () => {
  const hosts = FLEET.hosts.map((host) => ({ ...host, state: 'draining' }) as const);
  const after = { ...FLEET, hosts: [...hosts.slice(0, 1), ...FLEET.hosts.slice(1)] };
  const heard = hearFleet(FLEET, tellFleet(after, FLEET));
  expect(heard.vms === FLEET.vms).toBe(true);
  expect(heard.hosts).toEqual(after.hosts);
  expect(FLEET.hosts[0]?.state).toBe('healthy');
});

it.each([
  ['a VM is gone', { ...FLEET, vms: FLEET.vms.slice(1) }],
  ['another is in its place', { ...FLEET, vms: FLEET.vms.toReversed() }],
  ['most has changed', { ...FLEET, vms: FLEET.vms.map((vm) => ({ ...vm })) }],
])('is told whole where %s, whatever was known', (_why, after) => {
  const message = tellFleet(after, FLEET);
  expect(message.isWhole).toBe(true);
  expect(hearFleet(FLEET, message)).toEqual(after);
});
