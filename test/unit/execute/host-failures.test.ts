// Role: what a controller remembers of failed hosts when the lease changes hands.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { SIMULATED_CAPABILITIES } from '../../../adapters/simulated/simulated-hypervisor.ts';
import { hostId, sourceId, vmId } from '../../../src/domain/ids.ts';
import type { PolicySet } from '../../../src/domain/policy.ts';
import { ok } from '../../../src/domain/result.ts';
import { HostFailures } from '../../../src/execute/host-failures.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import type { Hypervisor, MoveOrder } from '../../../src/ports/hypervisor.ts';
import { type Ledger, LedgerError } from '../../../src/ports/ledger.ts';
import { aHost, aPolicy, aSnapshot, someHostFailure, TEST_NOW } from '../../support/fleet.ts';
import { aHostFailureRecord } from '../../support/ledger-records.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
import { recordingEvents } from '../../support/recording-events.ts';

const H1 = hostId('h1');
const LAB = sourceId('lab');
const AUTOMATIC = someHostFailure({ restart: 'fenced', readmit: 'automatic' });
const DB = { vm: vmId('vm1'), name: 'db' };

let clock: ManualClock;
let ledger: Ledger;

beforeEach(async () => {
  clock = manualClock(TEST_NOW);
  ledger = await openSqliteLedger({ file: ':memory:', clock });
});

afterEach(() => ledger.close());

/** A controller that may act everywhere, in a world where `db` runs on h2 and is defined on h1. */
function controller(policy: Partial<PolicySet> = {}, isOn = false, own = ledger) {
  const removed: string[] = [];
  const cut: string[] = [];
  const hypervisor: Pick<Hypervisor, 'source' | 'locate' | 'commit' | 'capabilities'> = {
    source: LAB,
    capabilities: SIMULATED_CAPABILITIES,
    locate: async () => ({
      sightings: [
        { host: hostId('h2'), state: 'running', persistent: true },
        { host: H1, state: 'defined', persistent: true },
      ],
      blind: [],
    }),
    commit: async ({ vm, from }: MoveOrder) => {
      removed.push(`${vm} from ${from}`);
      return ok(undefined);
    },
  };
  const failures = new HostFailures({
    ledger: own,
    clock,
    events: recordingEvents(),
    // Nothing else is asked of it.
    hypervisors: new Map([[LAB, hypervisor as Hypervisor]]),
    settings: () => aPolicy({ hostFailure: AUTOMATIC, ...policy }),
    fencing: {
      covers: () => true,
      status: async () => (isOn && cut.length === 0 ? 'on' : 'off'),
      off: async ({ id }) => void cut.push(id),
      on: async () => undefined,
    },
    probe: { covers: () => true, ask: async () => 'silent' },
    holds: () => true,
  });
  return { failures, removed, cut };
}

/** h1 does not answer, or does again; nothing measured speaks for it. */
function world(connection: 'connected' | 'disconnected') {
  const fleet = aSnapshot({ hosts: [{ ...aHost({ id: 'h1' }), connection }, aHost({ id: 'h2' })] });
  return { ...fleet, hosts: fleet.hosts.map((host) => ({ ...host, metrics: {} })) };
}

async function written() {
  const [record] = await ledger.hostFailures();
  return record;
}

const MINE = new Set([H1]);
const NONE = new Set<typeof H1>();

describe('a lease that changes hands', () => {
  it.each(['the take-over is told', 'only the next tick finds it'])(
    'keeps what was restarted from a dead host: %s',
    async (how) => {
      const [ada, bob] = [controller().failures, controller().failures];
      for (let look = 0; look < 3; look += 1) {
        await ada.update(world('disconnected'), MINE);
        // The other one has looked before h1 was known dead.
        if (look === 1) await bob.follow(NONE);
        await clock.pass(60);
      }
      expect([ada.isDead(H1), bob.isDead(H1)]).toEqual([true, false]);
      await ada.note(H1, DB);
      if (how === 'the take-over is told') await bob.load();
      else await bob.follow(MINE);
      expect(bob.isDead(H1)).toBe(true);
      await bob.update(world('connected'), MINE);
      expect(await written()).toMatchObject({ state: 'returned', restarted: [DB] });
      await bob.idle();
    },
  );
});

describe('a VM that was restarted from a dead host', () => {
  it('is known to be left there, as long as that is dead', async () => {
    await ledger.putHostFailure(aHostFailureRecord('h1', { state: 'dead', restarted: [DB] }));
    const { failures } = controller();
    await failures.load();
    expect(failures.leftOn(DB.vm)).toEqual([H1]);
    expect(failures.leftOn(vmId('vm2'))).toEqual([]);
    await failures.update(world('connected'), MINE);
    expect(failures.leftOn(DB.vm)).toEqual([]);
    await failures.idle();
  });

  it('is no reason against a take-back while that is off, restarts or none', async () => {
    await ledger.putHostFailure(aHostFailureRecord('h1', { state: 'dead', restarted: [DB] }));
    const { failures } = controller({ hostFailure: someHostFailure({ restart: 'never' }) });
    await failures.load();
    await failures.update(world('disconnected'), MINE);
    expect(failures.leftOn(DB.vm)).toEqual([H1]);
    expect(await failures.objection(H1)).toBeUndefined();
    await failures.idle();
  });
});

describe('a dead host in the fleet whose power is not off', () => {
  it('is named, with what to do', async () => {
    await ledger.putHostFailure(aHostFailureRecord('h1', { state: 'dead', restarted: [DB] }));
    const { failures } = controller({}, true);
    await failures.load();
    await failures.update(world('disconnected'), NONE);
    const why = 'the power of h1 is not confirmed off any more (on)';
    expect(await failures.objection(H1)).toBe(`${why}: cut it, or mend its fencing device`);
  });
});

describe('a note of what was restarted', () => {
  it('is written before it counts as noted, where the ledger failed the first time', async () => {
    await ledger.putHostFailure(aHostFailureRecord('h1', { state: 'dead', restarted: [] }));
    let isBroken = false;
    const frail = new Proxy(ledger, {
      get(target, name) {
        if (name === 'putHostFailure' && isBroken)
          return () => Promise.reject(new LedgerError('unreachable', 'disk full'));
        const value = Reflect.get(target, name) as unknown;
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    const { failures } = controller({}, false, frail);
    await failures.load();
    isBroken = true;
    await expect(failures.note(H1, DB)).rejects.toThrow('disk full');
    isBroken = false;
    await failures.note(H1, DB);
    expect((await written())?.restarted).toEqual([DB]);
  });
});

describe('the power of a host that another controller suspected', () => {
  it.each([
    ['is left on until this one has looked at it itself', NONE, []],
    ['is cut when this one finds it silent, too', MINE, ['h1']],
  ])('%s', async (_what, own, power) => {
    const suspected = { state: 'suspected-dead', answersSince: undefined } as const;
    await ledger.putHostFailure(aHostFailureRecord('h1', suspected));
    const policy = {
      hostFailure: { ...AUTOMATIC, fence: 'automatic' },
      mode: { default: 'automatic', clusters: {}, approve: [] },
    } as const;
    const { cut, failures } = controller(policy, true);
    await failures.load();
    await failures.follow(own);
    for (let look = 0; look < 4; look += 1) {
      await failures.update(world('disconnected'), own);
      await failures.idle();
      await clock.pass(60);
    }
    expect(cut).toEqual(power);
  });
});

describe('the readmission of a host that was dead', () => {
  /** Two ticks, by which a host that was returned is clean and readmitted. */
  async function returned(policy: Partial<PolicySet> = {}, restarted = [DB]) {
    const record = { state: 'returned', answersSince: clock.now(), restarted } as const;
    await ledger.putHostFailure(aHostFailureRecord('h1', record));
    const { failures, removed } = controller(policy);
    await failures.load();
    for (let tick = 0; tick < 3; tick += 1) {
      await failures.update(world('connected'), MINE);
      await failures.idle();
      await clock.pass(60);
    }
    return { removed, isHeldOut: (await written()) !== undefined };
  }

  it('removes what was restarted elsewhere, and readmits where the policy says so', async () => {
    expect(await returned()).toEqual({ removed: ['vm1 from h1'], isHeldOut: false });
    const byHand = { hostFailure: { ...AUTOMATIC, readmit: 'operator' } } as const;
    expect(await returned(byHand)).toEqual({ removed: ['vm1 from h1'], isHeldOut: true });
  });

  it('waits while Drover is paused', async () => {
    await ledger.setPaused(true, 'anna', clock.now());
    expect(await returned()).toEqual({ removed: [], isHeldOut: true });
    expect(await returned({}, [])).toEqual({ removed: [], isHeldOut: true });
    await ledger.setPaused(false, 'anna', clock.now());
    expect(await returned()).toEqual({ removed: ['vm1 from h1'], isHeldOut: false });
  });

  it('waits while the host is only observed', async () => {
    const observed = { mode: { default: 'observe', clusters: {}, approve: [] } } as const;
    expect(await returned(observed)).toEqual({ removed: [], isHeldOut: true });
    expect(await returned(observed, [])).toEqual({ removed: [], isHeldOut: true });
  });

  it('is refused while it does not answer', async () => {
    const wasDead = { state: 'unreachable', wasDead: true, restarted: [] } as const;
    await ledger.putHostFailure(aHostFailureRecord('h1', wasDead));
    const { failures } = controller();
    await failures.load();
    expect(await failures.readmit({ id: H1, name: 'h1' }, 'anna')).toEqual({
      kind: 'refused',
      why: 'h1 is unreachable: adapter silent',
    });
  });

  describe('through another controller, whose last look was long ago', () => {
    /** Both know h1 returned; then it dies again, and only ada sees it. */
    async function diesAgain(bob: HostFailures) {
      const returned = { state: 'returned', answersSince: clock.now(), restarted: [] } as const;
      await ledger.putHostFailure(aHostFailureRecord('h1', returned));
      const ada = controller().failures;
      await ada.load();
      await ada.follow(MINE);
      await bob.load();
      await bob.follow(NONE);
      for (let look = 0; look < 6; look += 1) {
        await ada.update(world('disconnected'), MINE);
        await ada.idle();
        await clock.pass(60);
      }
      expect(ada.isDead(H1)).toBe(true);
      await ada.note(H1, DB);
    }

    it('is refused where it has died again, and deletes no note', async () => {
      const bob = controller().failures;
      await diesAgain(bob);
      expect(await bob.readmit({ id: H1, name: 'h1' }, 'anna')).toMatchObject({
        kind: 'refused',
      });
      expect(await written()).toMatchObject({ state: 'dead', restarted: [DB] });
    });

    it('deletes nothing that was written while it read', async () => {
      const stale = [aHostFailureRecord('h1', { state: 'returned', restarted: [] })];
      let isLate = false;
      const late = new Proxy(ledger, {
        get(target, name) {
          if (name === 'hostFailures' && isLate) return async () => stale;
          const value = Reflect.get(target, name) as unknown;
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      });
      const bob = controller({}, false, late).failures;
      await diesAgain(bob);
      isLate = true;
      expect(await bob.readmit({ id: H1, name: 'h1' }, 'anna')).toEqual({
        kind: 'refused',
        why: 'what is known of h1 has just changed: look again',
      });
      expect(await written()).toMatchObject({ state: 'dead', restarted: [DB] });
    });
  });
});
