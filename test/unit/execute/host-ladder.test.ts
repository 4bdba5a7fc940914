// Role: the ladder of host states: pure steps, and what is written and said about them.
import { beforeEach, describe, expect, it } from 'vitest';

import type { Response } from '../../../src/domain/finding.ts';
import { HOST_STATES, type HostState } from '../../../src/domain/host.ts';
import { hostId, type HostId, moveId, sourceId, vmId } from '../../../src/domain/ids.ts';
import type { Order } from '../../../src/domain/order.ts';
import { fail, ok } from '../../../src/domain/result.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { HostLadder, type LadderView, nextHostState } from '../../../src/execute/host-ladder.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import type { Hypervisor } from '../../../src/ports/hypervisor.ts';
import type { Ledger } from '../../../src/ports/ledger.ts';
import { aFinding, aHost, aPolicy, aSnapshot, aVm, TEST_NOW } from '../../support/fleet.ts';
import { anOrder } from '../../support/ledger-records.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { recordingEvents } from '../../support/recording-events.ts';

function view(current: HostState, options: Partial<LadderView> = {}): LadderView {
  return {
    current,
    connected: true,
    order: undefined,
    responses: new Set<Response>(),
    occupants: 0,
    movingOut: 0,
    movingIn: 0,
    ...options,
  };
}

function next(current: HostState, options: Partial<LadderView> = {}): HostState {
  return nextHostState(view(current, options)).state;
}

const order = anOrder('o1');

describe('nextHostState', () => {
  it('takes nothing in first, whatever the host was', () => {
    for (const state of ['healthy', 'warn', 'quarantined', 'returning'] as const) {
      expect(next(state, { order })).toBe('draining');
    }
  });

  it('evacuates while moves leave, and rests when the host is empty', () => {
    expect(next('draining', { order, occupants: 2 })).toBe('draining');
    expect(next('draining', { order, occupants: 2, movingOut: 1 })).toBe('evacuating');
    expect(next('evacuating', { order, occupants: 2 })).toBe('evacuating');
    expect(next('evacuating', { order, movingIn: 1 })).toBe('evacuating');
    expect(next('evacuating', { order })).toBe('maintenance');
    expect(next('draining', { order })).toBe('maintenance');
    expect(next('maintenance', { order })).toBe('maintenance');
    expect(next('maintenance', { order, occupants: 1 })).toBe('evacuating');
  });

  it('holds a host out that was dead, also while it is only unreachable again', () => {
    expect(next('healthy', { failure: { state: 'unreachable' } })).toBe('healthy');
    expect(next('healthy', { failure: { state: 'dead' } })).toBe('quarantined');
    const again = { state: 'unreachable', wasDead: true } as const;
    expect(next('quarantined', { failure: again, order })).toBe('quarantined');
  });

  it('does not take a silent host for an empty one', () => {
    expect(next('evacuating', { order, connected: false })).toBe('evacuating');
    expect(next('draining', { order, connected: false })).toBe('draining');
  });

  it('holds out a host that may be dead; what was emptied on order stays in maintenance', () => {
    for (const state of ['suspected-dead', 'dead', 'returned'] as const) {
      const failure = { state };
      expect(next('draining', { order, failure })).toBe('quarantined');
      expect(next('maintenance', { order, failure })).toBe('maintenance');
      expect(next('maintenance', { order, failure, connected: false })).toBe('maintenance');
      expect(next('maintenance', { order, failure, occupants: 1 })).toBe('quarantined');
      expect(next('maintenance', { failure })).toBe('quarantined');
      const back = { ...order, state: 'returning' } as const;
      expect(next('maintenance', { order: back, failure })).toBe('quarantined');
    }
  });

  it('returns on order only, and is healthy when the return is over', () => {
    expect(next('maintenance', { order: { ...order, state: 'returning' } })).toBe('returning');
    expect(next('returning', { order: { ...order, state: 'returning' } })).toBe('returning');
    expect(next('returning')).toBe('healthy');
    // The repair was none.
    const back = { ...order, state: 'returning' } as const;
    const responses = new Set(['evacuate'] as const);
    expect(next('returning', { order: back, responses })).toBe('draining');
  });

  it('follows the rules where nobody ordered anything', () => {
    const on = (...responses: Response[]): Partial<LadderView> => ({
      responses: new Set(responses),
    });
    expect(next('healthy', on('relieve'))).toBe('warn');
    expect(next('warn', on('relieve', 'quarantine'))).toBe('quarantined');
    expect(next('quarantined', on('evacuate', 'quarantine'))).toBe('draining');
    expect(next('draining', { ...on('evacuate'), occupants: 1, movingOut: 1 })).toBe('evacuating');
    expect(next('evacuating', on('evacuate'))).toBe('evacuating');
    expect(next('evacuating')).toBe('healthy');
    expect(next('healthy', on('level'))).toBe('healthy');
  });

  it('stays where it is when nothing changes, in every state', () => {
    for (const state of HOST_STATES) {
      const first = next(state, { order, occupants: 1 });
      expect(next(first, { order, occupants: 1 })).toBe(first);
    }
  });
});

describe('HostLadder', () => {
  const clock = manualClock(TEST_NOW);
  let ledger: Ledger;
  let calls: [HostId, boolean][];
  let answer: Awaited<ReturnType<Hypervisor['setMaintenance']>>;
  let events: ReturnType<typeof recordingEvents>;
  let mode: 'automatic' | 'observe';

  beforeEach(async () => {
    ledger = await openSqliteLedger({ file: ':memory:', clock });
    calls = [];
    answer = ok(undefined);
    events = recordingEvents();
    mode = 'automatic';
  });

  function ladder(): HostLadder {
    const hypervisor = {
      source: sourceId('lab'),
      capabilities: { maintenanceMode: true },
      setMaintenance: (host: HostId, on: boolean) => {
        calls.push([host, on]);
        return Promise.resolve(answer);
      },
      // The ladder needs no more than this of a hypervisor.
    } as unknown as Hypervisor;
    const settings = () => aPolicy({ mode: { default: mode, clusters: {}, approve: [] } });
    const hypervisors = new Map([[hypervisor.source, hypervisor]]);
    return new HostLadder({ ledger, clock, events, hypervisors, settings });
  }

  function world(vms: number, moving = false): Snapshot {
    const flight = {
      move: moveId('m1'),
      vm: vmId('v0'),
      from: hostId('h1'),
      to: hostId('h2'),
      method: 'pre-copy',
      startedAt: TEST_NOW,
    } as const;
    return aSnapshot({
      hosts: [aHost({ id: 'h1' }), aHost({ id: 'h2' })],
      vms: Array.from({ length: vms }, (_, index) => aVm({ id: `v${index}`, host: 'h1' })),
      inFlight: moving ? [flight] : [],
    });
  }

  /** Nothing runs there, and the platform shows whom it has out. */
  function marked(inMaintenanceMode: boolean): Snapshot {
    const { hosts, ...rest } = world(0);
    return { ...rest, hosts: hosts.map((host) => ({ ...host, inMaintenanceMode })) };
  }

  it('says ahead what an update comes to, and changes nothing by that', async () => {
    const under = ladder();
    await under.load();
    const ahead = under.ahead(world(1), [], [order]);
    expect(ahead.get(hostId('h1'))).toBe('draining');
    expect([...under.states()]).toEqual([]);
    expect(await ledger.hostMarks()).toEqual([]);
    await under.update(world(1), [], [order]);
    expect(ahead).toEqual(under.states());
    expect(under.ahead(world(1, true), [], [order]).get(hostId('h1'))).toBe('evacuating');
  });

  it('calls no host empty where a guest is of which nothing is known', async () => {
    const under = ladder();
    await under.load();
    const { hosts, ...rest } = world(0);
    const unread = { ...rest, hosts: hosts.map((host) => ({ ...host, unlistedGuests: ['x'] })) };
    for (let tick = 0; tick < 3; tick += 1) await under.update(unread, [], [order]);
    expect(under.states().get(hostId('h1'))).toBe('draining');
    await under.update(world(0), [], [order]);
    expect(under.states().get(hostId('h1'))).toBe('maintenance');
  });

  it('goes through a whole maintenance, writes it down and says so', async () => {
    const under = ladder();
    await under.load();
    const returning: Order = { ...order, state: 'returning' };
    await under.update(world(1), [], [order]);
    await under.update(world(1, true), [], [order]);
    await under.update(world(0), [], [order]);
    await under.update(world(0), [], [order]);
    await under.update(world(0), [], [returning]);
    await under.update(world(1), [], []);
    const steps = ['draining', 'evacuating', 'maintenance', 'returning', 'healthy'];
    expect(events.of('host-state').map((event) => event.to)).toEqual(steps);
    expect((await ledger.hostMarks()).map((mark) => mark.state)).toEqual(['healthy']);
    expect(await ledger.history({ host: hostId('h1'), limit: 10 })).toHaveLength(5);
    expect(calls).toEqual([
      ['h1', true],
      ['h1', false],
    ]);
  });

  it.each([
    ['was frozen meanwhile', async () => undefined],
    ['followed what the other one did', async (one: HostLadder) => one.follow(new Set())],
  ])(
    'tells the platform anew of a host that it has back, where it %s',
    async (_what, meanwhile) => {
      const [first, second] = [ladder(), ladder()];
      const returning: Order = { ...order, state: 'returning' };
      for (const wanted of [order, order, returning]) await first.update(world(0), [], [wanted]);
      await second.load();
      for (let tick = 0; tick < 2; tick += 1) await second.update(world(0), [], [order]);
      await meanwhile(first);
      await first.load();
      await first.update(world(0), [], [returning]);
      expect(calls.map(([, out]) => out)).toEqual([true, false, true, false]);
    },
  );

  it('has forgotten what it told the platform of hosts that are others’ by now', async () => {
    const under = ladder();
    const returning: Order = { ...order, state: 'returning' };
    for (const wanted of [order, order, returning]) await under.update(world(0), [], [wanted]);
    await under.follow(new Set([hostId('h1')]));
    await under.update(world(0), [], [returning]);
    expect(calls).toHaveLength(2);
    await under.follow(new Set());
    await under.update(world(0), [], [returning]);
    expect(calls).toHaveLength(3);
  });

  it('knows a host in maintenance after a restart, and tells the platform again', async () => {
    const before = ladder();
    await before.update(world(0), [], [order]);
    await before.update(world(0), [], [order]);
    const after = ladder();
    await after.load();
    expect([...after.states()]).toEqual([['h1', 'maintenance']]);
    await after.update(world(0), [], [order]);
    expect(calls).toEqual([
      ['h1', true],
      ['h1', true],
    ]);
  });

  it('sets a mark again that something else cleared, and reports it', async () => {
    const under = ladder();
    await under.update(marked(false), [], [order]);
    await under.update(marked(false), [], [order]);
    // What it was told may not show yet.
    await under.update(marked(false), [], [order]);
    await under.update(marked(true), [], [order]);
    expect(calls).toEqual([['h1', true]]);
    await under.update(marked(false), [], [order]);
    expect(calls).toEqual([
      ['h1', true],
      ['h1', true],
    ]);
    expect(events.of('warning')[0]?.text).toContain('it is put back');
    const lines = await ledger.history({ host: hostId('h1'), limit: 10 });
    expect(lines.filter(({ text }) => text.includes('it is put back'))).toHaveLength(1);
    await under.update(marked(true), [], [order]);
    expect(calls).toHaveLength(2);
  });

  it('says when VMs run on a host in maintenance', async () => {
    const under = ladder();
    await under.update(world(0), [], [order]);
    await under.update(world(0), [], [order]);
    await under.update(world(1), [], [order]);
    expect(events.of('warning').map((warning) => warning.key)).toEqual(['occupied h1']);
    expect(under.states().get(hostId('h1'))).toBe('evacuating');
  });

  it('asks a platform again that refused, and leaves it alone in observe', async () => {
    const under = ladder();
    answer = fail({ code: 'refused', detail: 'not now' });
    await under.update(world(0), [], [order]);
    await under.update(world(0), [], [order]);
    answer = ok(undefined);
    await under.update(world(0), [], [order]);
    await under.update(world(0), [], [order]);
    expect(calls).toHaveLength(2);
    mode = 'observe';
    await under.update(world(0), [], [{ ...order, state: 'returning' }]);
    expect(calls).toHaveLength(2);
  });

  it('does not forget, while it only observes, that a platform still has a host out', async () => {
    const before = ladder();
    await before.update(marked(false), [], [order]);
    await before.update(marked(false), [], [order]);
    mode = 'observe';
    for (let look = 0; look < 3; look += 1) await before.update(marked(true), [], []);
    expect([...before.states()]).toEqual([['h1', 'returning']]);
    mode = 'automatic';
    const after = ladder();
    await after.load();
    await after.update(marked(true), [], []);
    await after.update(marked(false), [], []);
    expect(calls).toEqual([
      ['h1', true],
      ['h1', false],
    ]);
    expect(after.states().get(hostId('h1'))).toBe('healthy');
  });

  it('takes the silence of a host that it observes for no word of its platform', async () => {
    const before = ladder();
    await before.update(marked(false), [], [order]);
    await before.update(marked(false), [], [order]);
    mode = 'observe';
    for (let look = 0; look < 3; look += 1) await before.update(world(0), [], []);
    expect([...before.states()]).toEqual([['h1', 'returning']]);
    await before.update(marked(false), [], []);
    expect(before.states().get(hostId('h1'))).toBe('healthy');
  });

  it('returns a host only when its platform knows it, also over a restart', async () => {
    const before = ladder();
    await before.update(world(0), [], [order]);
    await before.update(world(0), [], [order]);
    answer = fail({ code: 'refused', detail: 'not now' });
    // The order was closed while nobody could tell the platform.
    await before.update(world(0), [], []);
    expect([...before.states()]).toEqual([['h1', 'returning']]);
    const after = ladder();
    await after.load();
    await after.update(world(0), [], []);
    expect([...after.states()]).toEqual([['h1', 'returning']]);
    answer = ok(undefined);
    await after.update(world(0), [], []);
    expect(calls.at(-1)).toEqual(['h1', false]);
    await after.update(world(0), [], []);
    expect([...after.states()]).toEqual([['h1', 'healthy']]);
  });

  it('marks what the rules find', async () => {
    const under = ladder();
    await under.update(world(1), [aFinding('relieve', { host: 'h1' })], []);
    await under.update(world(1), [aFinding('quarantine', { host: 'h2' })], []);
    expect([...under.states()]).toEqual([
      ['h1', 'healthy'],
      ['h2', 'quarantined'],
    ]);
  });
});
