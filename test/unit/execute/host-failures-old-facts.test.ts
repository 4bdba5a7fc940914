// Role: nothing is concluded of a failed host from a fact of before a gap or an await.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { SIMULATED_CAPABILITIES } from '../../../adapters/simulated/simulated-hypervisor.ts';
import { hostId, sourceId, vmId } from '../../../src/domain/ids.ts';
import type { HostFailureSettings } from '../../../src/domain/policy.ts';
import { epochSeconds, seconds } from '../../../src/domain/units.ts';
import { HostFailures } from '../../../src/execute/host-failures.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import type { PowerStatus } from '../../../src/ports/fencing.ts';
import type { HostProbe } from '../../../src/ports/host-probe.ts';
import type { Hypervisor } from '../../../src/ports/hypervisor.ts';
import type { Ledger } from '../../../src/ports/ledger.ts';
import { aHost, aPolicy, aSnapshot, someHostFailure, TEST_NOW } from '../../support/fleet.ts';
import { aHostFailureRecord } from '../../support/ledger-records.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
import { recordingEvents } from '../../support/recording-events.ts';

const H1 = hostId('h1');
const LAB = sourceId('lab');
const MINE = new Set([H1]);
const SILENT: HostProbe = { covers: () => true, ask: async () => 'silent' };

let clock: ManualClock;
let ledger: Ledger;

beforeEach(async () => {
  clock = manualClock(TEST_NOW);
  ledger = await openSqliteLedger({ file: ':memory:', clock });
});

afterEach(() => ledger.close());

interface Options {
  /** Default: on until it is cut. */
  readonly status?: () => Promise<PowerStatus>;
  readonly probe?: HostProbe | undefined;
  readonly ledger?: Ledger;
  readonly hostFailure?: Partial<HostFailureSettings>;
}

function controller(options: Options) {
  const cut: string[] = [];
  const hypervisor = { source: LAB, capabilities: SIMULATED_CAPABILITIES };
  const events = recordingEvents();
  const failures = new HostFailures({
    ledger: options.ledger ?? ledger,
    clock,
    events,
    // Nothing else is asked of it.
    hypervisors: new Map([[LAB, hypervisor as Hypervisor]]),
    settings: () =>
      aPolicy({
        hostFailure: someHostFailure({
          restart: 'fenced',
          fence: 'automatic',
          ...options.hostFailure,
        }),
        mode: { default: 'automatic', clusters: {}, approve: [] },
      }),
    fencing: {
      covers: () => true,
      status: options.status ?? (async () => (cut.length === 0 ? 'on' : 'off')),
      off: async ({ id }) => void cut.push(id),
      on: async () => undefined,
    },
    probe: options.probe,
    holds: () => true,
  });
  return { failures, cut, events };
}

/** h1 does not answer, or does again; nothing measured speaks for it. */
function world(connection: 'connected' | 'disconnected', alerts: readonly string[] = []) {
  const fleet = aSnapshot({ hosts: [{ ...aHost({ id: 'h1' }), connection }, aHost({ id: 'h2' })] });
  const firing = alerts.map((name) => ({ name, since: TEST_NOW, labels: {} }));
  const hosts = fleet.hosts.map((host) => {
    return { ...host, metrics: {}, alerts: host.id === H1 ? firing : [] };
  });
  return { ...fleet, hosts };
}

async function written() {
  const [record] = await ledger.hostFailures();
  return record;
}

describe('a silence that nobody has followed', () => {
  const alarmed = world('disconnected', ['HostDown']);
  const byAlert = { hostFailure: { alerts: ['HostDown'] }, probe: undefined };

  it('did not last since the record of an earlier run', async () => {
    const old = epochSeconds(TEST_NOW - 8 * 3600);
    await ledger.putHostFailure(
      aHostFailureRecord('h1', {
        state: 'unreachable',
        since: old,
        silentSince: old,
        confirmedSince: old,
        powerOff: undefined,
        restarted: [],
      }),
    );
    const { failures, cut } = controller(byAlert);
    await failures.load();
    await failures.update(alarmed, MINE);
    await failures.idle();
    expect(cut).toEqual([]);
  });

  it('did not last while this very controller could not look', async () => {
    const { failures, cut } = controller(byAlert);
    await failures.update(alarmed, MINE);
    // The ledger is away for an hour: no tick comes so far, and h1 is well all the while.
    await clock.pass(3600);
    await failures.update(alarmed, MINE);
    await failures.idle();
    expect(cut).toEqual([]);
  });

  it('did not last because the clock was set', async () => {
    const { failures, cut } = controller(byAlert);
    await failures.update(alarmed, MINE);
    clock.jump(3600);
    await clock.pass(10);
    await failures.update(alarmed, MINE);
    await failures.idle();
    expect(cut).toEqual([]);
  });

  it('counts from when somebody looks again, until its power is cut', async () => {
    const { failures, cut } = controller(byAlert);
    for (const gap of [3600, 60, 60]) {
      await failures.update(alarmed, MINE);
      await failures.idle();
      await clock.pass(gap);
    }
    expect(cut).toEqual(['h1']);
  });

  it('lasts while leases of other clusters are taken', async () => {
    const { failures, cut } = controller(byAlert);
    for (let look = 0; look < 6; look += 1) {
      await failures.update(alarmed, MINE);
      await failures.idle();
      await clock.pass(60);
      await failures.load();
    }
    expect(cut).toEqual(['h1']);
  });

  it('did not last where somebody else has written of the host meanwhile', async () => {
    const { failures, cut } = controller(byAlert);
    await failures.update(alarmed, MINE);
    const [record] = await ledger.hostFailures();
    if (record === undefined) throw new Error('nothing is written');
    const old = epochSeconds(TEST_NOW - 8 * 3600);
    await ledger.putHostFailure({ ...record, silentSince: old, confirmedSince: old });
    await failures.load();
    await clock.pass(10);
    await failures.update(alarmed, MINE);
    await failures.idle();
    expect(cut).toEqual([]);
  });
});

describe('power that is asked', () => {
  it('is not off at two looks where it was asked once', async () => {
    const begun = clock.monotonic();
    let offs = 0;
    const status = async (): Promise<PowerStatus> => {
      if (clock.monotonic() - begun < 65) return 'on';
      offs += 1;
      // Somebody cycles it: off for a moment. The next questions take their time.
      if (offs === 1) return 'off';
      await clock.sleep(seconds(25));
      return 'on';
    };
    const { failures } = controller({ status, probe: SILENT, hostFailure: { fence: 'never' } });
    const states = new Set<string | undefined>();
    for (let look = 0; look < 14; look += 1) {
      await failures.update(world('disconnected'), MINE);
      await clock.pass(10);
      states.add((await written())?.state);
    }
    expect([...states]).toEqual(['unreachable', 'suspected-dead']);
  });
});

describe('power that is back on a dead host', () => {
  const noted = [{ vm: vmId('vm1'), name: 'db' }];

  /** Dead, and known so to a controller that looks at it once a minute. */
  async function powered(options: Options, looks: number) {
    await ledger.putHostFailure(aHostFailureRecord('h1', { state: 'dead', restarted: noted }));
    const bench = controller({ probe: SILENT, ...options });
    await bench.failures.load();
    await bench.failures.follow(MINE);
    for (let look = 0; look < looks; look += 1) {
      await bench.failures.update(world('disconnected'), MINE);
      await bench.failures.idle();
      await clock.pass(60);
    }
    return { ...bench, warnings: bench.events.of('warning').map(({ text }) => text) };
  }

  it('makes it suspected again, and what was restarted from it is told and kept', async () => {
    const { warnings } = await powered({ hostFailure: { fence: 'never' } }, 10);
    const record = { state: 'suspected-dead', wasDead: true, restarted: noted };
    expect(await written()).toMatchObject(record);
    expect((await written())?.powerOff).toBeUndefined();
    expect(warnings).toEqual([
      'h1 has its power back and does not answer: db was restarted elsewhere, ' +
        'and may be started there a second time',
    ]);
  });

  it('is left on for as long as it may be booting, and is cut after that', async () => {
    expect((await powered({}, 10)).cut).toEqual([]);
    expect((await written())?.state).toBe('suspected-dead');
    expect((await powered({}, 20)).cut).toEqual(['h1']);
    expect(await written()).toMatchObject({ state: 'dead', restarted: noted });
  });

  it('is not believed of a device that cannot be asked', async () => {
    const status = () => Promise.reject(new Error('no route'));
    await powered({ status }, 10);
    expect((await written())?.state).toBe('dead');
  });
});

describe('power that is cut', () => {
  /** Suspected dead, while the ledger takes its time to note that the power is being cut. */
  async function slowCut() {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow = new Proxy(ledger, {
      get(target, name) {
        if (name === 'noteFencing') return () => gate;
        const value = Reflect.get(target, name) as unknown;
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    const bench = controller({ ledger: slow, probe: SILENT });
    for (let look = 0; look < 4; look += 1) {
      await bench.failures.update(world('disconnected'), MINE);
      await clock.pass(60);
    }
    expect((await written())?.state).toBe('suspected-dead');
    return { ...bench, release };
  }

  it('is told in the audit trail before it is cut, also where it stays on', async () => {
    const { failures, cut } = controller({ probe: SILENT, status: async () => 'on' });
    for (let look = 0; look < 4; look += 1) {
      await failures.update(world('disconnected'), MINE);
      await clock.pass(60);
    }
    await failures.idle();
    expect(cut).toEqual(['h1']);
    const trail = await ledger.audit(0, 100);
    expect(trail.map(({ body }) => body)).toContainEqual(
      expect.stringMatching(/h1: its power is being cut/),
    );
  });

  it('is left on where the host has answered while the ledger was slow', async () => {
    const { failures, cut, release } = await slowCut();
    // It was the network: it answers again, and has its guests.
    for (let look = 0; look < 4; look += 1) {
      await failures.update(world('connected'), MINE);
      await clock.pass(60);
    }
    expect(await written()).toBeUndefined();
    release();
    await failures.idle();
    expect(cut).toEqual([]);
  });

  it('is left on where Drover was paused while the ledger was slow', async () => {
    const { failures, cut, release } = await slowCut();
    await ledger.setPaused(true, 'anna', clock.now());
    await failures.update(world('disconnected'), MINE);
    release();
    await failures.idle();
    expect(cut).toEqual([]);
  });

  it('is left on where nobody could look while the ledger was slow', async () => {
    const { failures, cut, release } = await slowCut();
    await clock.pass(3600);
    release();
    await failures.idle();
    expect(cut).toEqual([]);
  });

  it('is cut where nothing has changed while the ledger was slow', async () => {
    const { failures, cut, release } = await slowCut();
    release();
    await failures.idle();
    expect(cut).toEqual(['h1']);
  });
});
