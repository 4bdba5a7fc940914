// Role: lists of which a few hosts or VMs have changed are asked as if they had been gone through.
import { expect, it } from 'vitest';

import {
  guestsOf,
  hostOf,
  vmOf,
  withChanged,
  withChangedHosts,
} from '../../../src/domain/snapshot-index.ts';
import { aHost, aVm } from '../../support/fleet.ts';

const hosts = [aHost({ id: 'h1' }), aHost({ id: 'h2' })] as const;
const [first, second] = hosts;

it('finds the hosts that have changed, and the others as they were, change upon change', () => {
  const draining = { ...second, state: 'draining' } as const;
  const after = withChangedHosts(hosts, new Map([[second.id, draining]]));
  expect(after).toEqual([first, draining]);
  expect(hostOf({ hosts: after }, second.id) === draining).toBe(true);
  expect(hostOf({ hosts: after }, first.id) === first).toBe(true);
  const warned = { ...first, state: 'warn' } as const;
  const later = withChangedHosts(after, new Map([[first.id, warned]]));
  expect(hostOf({ hosts: later }, first.id) === warned).toBe(true);
  expect(hostOf({ hosts: later }, second.id) === draining).toBe(true);
  expect(hostOf({ hosts }, second.id) === second).toBe(true);
});

it('finds the VMs that have moved where they are now', () => {
  const [stays, goes] = [aVm({ id: 'v1', host: 'h1' }), aVm({ id: 'v2', host: 'h1' })];
  const moved = { ...goes, host: second.id };
  const vms = withChanged([stays, goes], new Map([[goes.id, moved]]));
  expect(vmOf({ vms }, goes.id) === moved).toBe(true);
  expect(guestsOf({ vms }, first.id)).toEqual([stays]);
  expect(guestsOf({ vms }, second.id)).toEqual([moved]);
});
