// Role: VMs of a dead host are started elsewhere by the plan: critical first, where they fit, and
// nothing of a host that is not known dead.
import { describe, expect, it } from 'vitest';

import { check } from '../../../src/check/check.ts';
import type { Breaker } from '../../../src/domain/breaker.ts';
import type { Finding } from '../../../src/domain/finding.ts';
import { vmId } from '../../../src/domain/ids.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import {
  type HostOptions,
  type VmOptions,
  aFailure,
  aFinding,
  aHost,
  aVm,
  TEST_NOW,
} from '../../support/fleet.ts';
import { plan } from '../../../src/plan/plan.ts';
import { request } from './support.ts';

const DEAD: HostOptions = { id: 'h1', connection: 'disconnected', failure: aFailure() };
const DOWN: Finding = aFinding('restart', { host: 'h1' });

function guest(options: VmOptions): ReturnType<typeof aVm> {
  return aVm({ permission: 'restart', ...options });
}

// oxlint-disable-next-line max-params -- a fleet, what is asked of it, and what was tried in vain
function planned(
  hosts: readonly HostOptions[],
  vms: readonly VmOptions[],
  findings = [DOWN],
  breakers: readonly Breaker[] = [],
) {
  const asked = request({ hosts: hosts.map(aHost), vms: vms.map(guest), breakers }, findings);
  const result = plan(asked);
  const { snapshot, limits, migration } = asked;
  expect(check({ snapshot, plan: result.plan, limits, migration })).toEqual([]);
  const moves = result.plan.moves.map(({ vm, to, method }) => `${vm} ${method} ${to}`);
  const open = result.report.unresolved.map(({ code }) => code);
  return { moves, open };
}

describe('the plan for a dead host', () => {
  it('starts its VMs elsewhere, the most important first', () => {
    const vms: VmOptions[] = [
      { id: 'a', criticality: 'best-effort' },
      { id: 'b', criticality: 'mission-critical' },
      { id: 'c', criticality: 'business' },
    ];
    const { moves, open } = planned([DEAD, { id: 'h2' }, { id: 'h3' }], vms);
    expect(moves.map((move) => move.split(' ').slice(0, 2).join(' '))).toEqual([
      'b restart',
      'c restart',
      'a restart',
    ]);
    expect(open).toEqual([]);
  });

  it('moves a VM that runs out of the way, and waits for it', () => {
    const hosts: HostOptions[] = [DEAD, { id: 'h2' }, { id: 'h3', memoryGib: 26 }];
    const vms: VmOptions[] = [
      { id: 'a', memoryGib: 30, criticality: 'mission-critical' },
      { id: 'b', host: 'h2', memoryGib: 25 },
      { id: 'c', host: 'h2', memoryGib: 10, permission: 'observe' },
    ];
    expect(planned(hosts, vms)).toEqual({ moves: ['b pre-copy h3', 'a restart h2'], open: [] });
  });

  it('starts a VM at once where only the comfort of CPU is short, and moves nobody for it', () => {
    const hosts: HostOptions[] = [DEAD, { id: 'h2', threads: 16 }, { id: 'h3', threads: 16 }];
    const vms: VmOptions[] = [
      { id: 'a', cpuUsed: 5, criticality: 'mission-critical' },
      { id: 'b', host: 'h2', cpuUsed: 10 },
      { id: 'd', host: 'h3', cpuUsed: 7 },
      { id: 'e', host: 'h3', cpuUsed: 2 },
    ];
    expect(
      planned(
        hosts,
        vms.map((vm) => ({ vcpus: 12, ...vm })),
      ),
    ).toEqual({
      moves: ['a restart h3'],
      open: [],
    });
  });

  it('gives the room to the most important, and says who stays down', () => {
    const vms: VmOptions[] = [
      { id: 'a', memoryGib: 6 },
      { id: 'b', memoryGib: 6, criticality: 'mission-critical' },
    ];
    expect(planned([DEAD, { id: 'h2', memoryGib: 8 }], vms)).toEqual({
      moves: ['b restart h2'],
      open: ['memory'],
    });
  });

  it('needs no room where nobody was up, and leaves who was off where it is', () => {
    const vms: VmOptions[] = [{ id: 'a', powerState: 'off' }];
    expect(planned([DEAD, { id: 'h2' }], vms)).toEqual({ moves: [], open: [] });
  });

  it.each<[string, HostOptions, VmOptions, string]>([
    ['only suspected', { ...DEAD, failure: aFailure('suspected-dead') }, {}, 'not-fenced'],
    ['well', { id: 'h1' }, {}, 'not-fenced'],
    ['without locks', DEAD, { noRestart: 'san locks nothing' }, 'storage-locks'],
    ['that nobody has looked after', DEAD, { unwatched: 'for 3 days' }, 'unwatched'],
    ['owned by another HA', DEAD, { managedBy: 'HA' }, 'managed-elsewhere'],
    ['not permitted', DEAD, { permission: 'cold' }, 'permission'],
  ])('restarts nothing: %s', (_what, host, vm, code) => {
    expect(planned([host, { id: 'h2' }], [vm])).toEqual({ moves: [], open: [code] });
  });

  it.each([
    ['was tried while its host lived', 1, { moves: ['v1 restart h2'], open: [] }],
    ['was tried to be started', -1, { moves: [], open: ['breaker'] }],
  ])('goes by what came to nothing since the host died only: it %s', (_what, before, then) => {
    const lastAt = epochSeconds(TEST_NOW - before);
    const until = epochSeconds(TEST_NOW + 60);
    const subject = { kind: 'vm', vm: vmId('v1') } as const;
    const rest: Breaker = { subject, state: 'open', failures: 2, lastAt, until };
    expect(planned([DEAD, { id: 'h2' }], [{}], [DOWN], [rest])).toEqual(then);
  });

  it('neither moves nor restarts by an order to evacuate alone', () => {
    const evacuate = aFinding('evacuate', { host: 'h1' });
    expect(planned([DEAD, { id: 'h2' }], [{}], [evacuate]).moves).toEqual([]);
    expect(planned([DEAD, { id: 'h2' }], [{}], [evacuate, DOWN]).moves).toEqual(['v1 restart h2']);
  });
});
