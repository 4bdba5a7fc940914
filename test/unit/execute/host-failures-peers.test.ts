// Role: what other hosts say of one that does not answer: dead, or cut off from Drover alone.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { SIMULATED_CAPABILITIES } from '../../../adapters/simulated/simulated-hypervisor.ts';
import type { HostState } from '../../../src/domain/host.ts';
import { hostId, sourceId } from '../../../src/domain/ids.ts';
import { HostFailures } from '../../../src/execute/host-failures.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import type { HostProbe } from '../../../src/ports/host-probe.ts';
import type { Hypervisor } from '../../../src/ports/hypervisor.ts';
import type { Ledger } from '../../../src/ports/ledger.ts';
import type { PeerAnswer, PeerProbe } from '../../../src/ports/peer-probe.ts';
import { aHost, aPolicy, aSnapshot, someHostFailure, TEST_NOW } from '../../support/fleet.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
import { recordingEvents } from '../../support/recording-events.ts';

const H1 = hostId('h1');
const LAB = sourceId('lab');
const MINE = new Set(['h1', 'h2', 'h3', 'h4'].map((id) => hostId(id)));

let clock: ManualClock;
let ledger: Ledger;
let asked: string[];
/** What each peer finds; one that is not named does not know. */
let found: Record<string, PeerAnswer['kind']>;

beforeEach(async () => {
  clock = manualClock(TEST_NOW);
  ledger = await openSqliteLedger({ file: ':memory:', clock });
  asked = [];
  found = {};
});

afterEach(() => ledger.close());

const PEERS: PeerProbe = {
  peers: 3,
  covers: () => true,
  ask: async ({ name }, host) => {
    asked.push(`${name} about ${host.name}`);
    const kind = host.id === H1 ? (found[name] ?? 'unknown') : 'reaches';
    return kind === 'unknown' ? { kind, detail: 'ended with 255' } : { kind };
  },
};

interface Options {
  readonly peerProbe?: PeerProbe | undefined;
  readonly probe?: HostProbe | undefined;
}

function controller({ probe, ...options }: Options) {
  const cut: string[] = [];
  const events = recordingEvents();
  const hypervisor = { source: LAB, capabilities: SIMULATED_CAPABILITIES };
  const failures = new HostFailures({
    ledger,
    clock,
    events,
    // Nothing else is asked of it.
    hypervisors: new Map([[LAB, hypervisor as Hypervisor]]),
    settings: () =>
      aPolicy({
        hostFailure: someHostFailure({ restart: 'fenced', fence: 'automatic' }),
        mode: { default: 'automatic', clusters: {}, approve: [] },
      }),
    fencing: {
      covers: () => true,
      status: async () => (cut.length === 0 ? 'on' : 'off'),
      off: async ({ id }) => void cut.push(id),
      on: async () => undefined,
    },
    probe,
    holds: () => true,
    ...options,
  });
  return { failures, cut, events };
}

/** Hosts that do not answer, and states of others; nothing measured speaks for anybody. */
function world(silent: readonly string[], states: Readonly<Record<string, HostState>> = {}) {
  const hosts = [...MINE].map((id) => {
    const connection = silent.includes(id) ? 'disconnected' : 'connected';
    return aHost({ id, connection, state: states[id] ?? 'healthy' });
  });
  const fleet = aSnapshot({ hosts });
  return { ...fleet, hosts: fleet.hosts.map((host) => ({ ...host, metrics: {} })) };
}

/** So many looks at the fleet, a minute apart. */
async function look(failures: HostFailures, fleet: ReturnType<typeof world>, times: number) {
  for (let done = 0; done < times; done += 1) {
    await failures.update(fleet, MINE);
    await clock.pass(60);
  }
  await failures.idle();
}

/** The ledger keeps signs only as they were at a change: what counts is in the snapshot. */
function known(failures: HostFailures) {
  const failure = failures.mark(world([])).hosts.find(({ id }) => id === H1)?.failure;
  const peers = failure?.signs.find(({ kind }) => kind === 'peers');
  return { state: failure?.state, peers };
}

describe('a host that does not answer, and its peers', () => {
  it('is suspected dead, and cut, when two of them do not reach it', async () => {
    found = { h2: 'does-not-reach', h3: 'does-not-reach' };
    const { failures, cut } = controller({ peerProbe: PEERS });
    await look(failures, world(['h1']), 2);
    // The answer is there since the second look: it has not held for long enough.
    expect(known(failures).state).toBe('unreachable');
    await look(failures, world(['h1']), 1);
    expect(cut).toEqual(['h1']);
    const detail = 'h2 and h3 do not reach it';
    expect(known(failures)).toMatchObject({ state: 'dead', peers: { verdict: 'silent', detail } });
  });

  it('stays unreachable when one of them reaches it, though its own probe is silent', async () => {
    found = { h2: 'does-not-reach', h3: 'does-not-reach', h4: 'reaches' };
    const probe: HostProbe = { covers: () => true, ask: async () => 'silent' };
    const { failures, cut } = controller({ peerProbe: PEERS, probe });
    await look(failures, world(['h1']), 6);
    const peers = { verdict: 'alive', detail: 'h4 reaches it' };
    expect(known(failures)).toMatchObject({ state: 'unreachable', peers });
    expect(cut).toEqual([]);
  });

  it.each([
    ['one alone does not reach it', { h2: 'does-not-reach' }],
    ['none could be asked', {}],
  ] as const)('stays unreachable when %s', async (_what, answers) => {
    found = { ...answers };
    const { failures, cut } = controller({ peerProbe: PEERS });
    await look(failures, world(['h1']), 6);
    const peers = { verdict: 'unknown', detail: expect.stringContaining('ended with 255') };
    expect(known(failures)).toMatchObject({ state: 'unreachable', peers });
    expect(cut).toEqual([]);
  });

  it('is not cut when one of them reaches it at the last moment', async () => {
    found = { h2: 'does-not-reach', h3: 'does-not-reach' };
    const { failures, cut, events } = controller({ peerProbe: PEERS });
    await look(failures, world(['h1']), 2);
    // What is known is of a minute ago; asked once more, it says otherwise.
    found = { ...found, h4: 'reaches' };
    await look(failures, world(['h1']), 1);
    expect(cut).toEqual([]);
    const [warning] = events.of('warning');
    expect(warning?.text).toContain('it answers after all');
  });
});

describe('the peers of a host', () => {
  it('are asked only about hosts that do not answer', async () => {
    const { failures } = controller({ peerProbe: PEERS });
    await look(failures, world([]), 2);
    expect(asked).toEqual([]);
    await look(failures, world(['h1']), 1);
    expect(asked).toEqual(['h2 about h1', 'h3 about h1', 'h4 about h1']);
  });

  it('are not asked while they are quarantined, or have failed lately themselves', async () => {
    const { failures } = controller({ peerProbe: PEERS });
    await look(failures, world(['h4']), 1);
    asked = [];
    // h4 answers again, but what was wrong with it is not yet over.
    await look(failures, world(['h1'], { h2: 'quarantined' }), 1);
    expect(asked).toEqual(['h3 about h1']);
  });

  it('hold no look up that they do not answer', async () => {
    const stuck = { ...PEERS, ask: () => new Promise<never>(() => undefined) };
    const { failures } = controller({ peerProbe: stuck });
    await failures.update(world(['h1']), MINE);
    expect(known(failures).peers).toMatchObject({ verdict: 'unknown', detail: 'not asked yet' });
  });

  it('say nothing where nobody is to ask them', async () => {
    const { failures } = controller({});
    await look(failures, world(['h1']), 3);
    expect(known(failures)).toEqual({ state: 'unreachable', peers: undefined });
  });
});
