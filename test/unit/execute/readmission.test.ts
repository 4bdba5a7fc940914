// Role: what is removed from a host that comes back from the dead, and what is never touched.
import { describe, expect, it } from 'vitest';

import { hostId, sourceId, vmId } from '../../../src/domain/ids.ts';
import { ok } from '../../../src/domain/result.ts';
import type { MoveRecord } from '../../../src/domain/journal.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { Readmission } from '../../../src/execute/readmission.ts';
import type { Hypervisor, MoveOrder, Sighting } from '../../../src/ports/hypervisor.ts';
import { LedgerError } from '../../../src/ports/ledger.ts';
import { aHost, aPolicy, aSnapshot } from '../../support/fleet.ts';
import { aHostFailureRecord, aRecord } from '../../support/ledger-records.ts';
import { realClock } from '../../support/real-clock.ts';
import { recordingEvents } from '../../support/recording-events.ts';

function seen(host: string, state: Sighting['state']): Sighting {
  return { host: hostId(host), state, persistent: true };
}

async function clean(
  sightings: readonly Sighting[],
  {
    blind = [],
    objection,
    of = 'h1',
  }: {
    readonly blind?: readonly string[];
    readonly objection?: string;
    /** The host against which it is. */
    readonly of?: string;
  } = {},
) {
  const events = recordingEvents();
  const committed: MoveOrder[] = [];
  const settled: string[] = [];
  const hypervisor: Pick<Hypervisor, 'source' | 'locate' | 'commit'> = {
    source: sourceId('lab'),
    locate: async () => ({ sightings, blind: blind.map(hostId) }),
    commit: async (order) => {
      committed.push(order);
      return ok(undefined);
    },
  };
  const readmission = new Readmission({
    ledger: { openMoves: async () => [] },
    clock: realClock,
    events,
    // Nothing else is asked of it.
    hypervisors: new Map([[sourceId('lab'), hypervisor as Hypervisor]]),
    settings: () => aPolicy(),
    objection: async ({ id }) => (id === of ? objection : undefined),
    settled: async (_host, { vm }) => {
      settled.push(vm);
    },
  });
  const record = aHostFailureRecord('h1', {
    state: 'returned',
    restarted: [{ vm: vmId('vm1'), name: 'db' }],
  });
  readmission.clean(
    aHost(),
    record,
    aSnapshot({ hosts: ['h1', 'h2'].map((id) => aHost({ id })), vms: [] }),
  );
  await readmission.idle();
  const removed = committed.map(({ vm, from, to }) => `${vm} from ${from}, runs on ${to}`);
  return { removed, settled, warnings: events.of('warning').map(({ text }) => text) };
}

describe('Readmission', () => {
  it('removes the definition of a VM that runs elsewhere', async () => {
    expect(await clean([seen('h2', 'running'), seen('h1', 'defined')])).toEqual({
      removed: ['vm1 from h1, runs on h2'],
      settled: ['vm1'],
      warnings: [],
    });
  });

  it('calls a human where a second copy runs, and touches neither', async () => {
    const { removed, settled, warnings } = await clean([
      seen('h2', 'running'),
      seen('h1', 'running'),
    ]);
    expect([removed, settled]).toEqual([[], []]);
    expect(warnings).toEqual([
      'h1 is held out: db was restarted elsewhere, and it runs twice, on h2 and h1: ' +
        'stop one of them by hand, at once',
    ]);
  });

  it.each<[string, readonly Sighting[]]>([
    ['it runs on the host itself', [seen('h1', 'running')]],
    ['it runs nowhere', [seen('h1', 'defined')]],
    ['nothing of it is on the host', [seen('h2', 'defined')]],
  ])(
    'leaves what may be the last definition, and calls the host clean: %s',
    async (_what, sightings) => {
      expect(await clean(sightings)).toEqual({ removed: [], settled: ['vm1'], warnings: [] });
    },
  );

  it('removes the definition elsewhere of a VM that its own host has started again', async () => {
    const sightings = [seen('h2', 'defined'), seen('h1', 'running')];
    expect(await clean(sightings)).toEqual({
      removed: ['vm1 from h2, runs on h1'],
      settled: ['vm1'],
      warnings: [],
    });
    const left = [
      await clean(sightings, { blind: ['h3'] }),
      await clean([seen('h9', 'defined'), seen('h1', 'running')]),
      // The other host may be only observed by now.
      await clean(sightings, { objection: 'the mode of h2 is observe', of: 'h2' }),
    ];
    for (const { removed, settled } of left) expect([removed, settled]).toEqual([[], []]);
    expect(left[2]?.warnings[0]).toContain('not removed while the mode of h2 is observe');
  });

  it('holds out a host with one of two definitions of a VM that is off for now', async () => {
    const sightings = [seen('h2', 'defined'), seen('h1', 'defined')];
    const { removed, settled, warnings } = await clean(sightings);
    expect([removed, settled]).toEqual([[], []]);
    expect(warnings).toEqual([
      'h1 is held out: db was restarted elsewhere, and it is defined on h2, too, and does not ' +
        'run there: start it there, or remove one of the two by hand',
    ]);
  });

  it('removes nothing against an objection, and says so', async () => {
    const sightings = [seen('h2', 'running'), seen('h1', 'defined')];
    expect(await clean(sightings, { objection: 'Drover is paused' })).toEqual({
      removed: [],
      settled: [],
      warnings: [
        'h1 is held out: db was restarted elsewhere, and its definition is not removed while ' +
          'Drover is paused',
      ],
    });
  });

  it('waits for hosts that do not answer', async () => {
    const { removed, settled, warnings } = await clean([seen('h1', 'running')], { blind: ['h3'] });
    expect([removed, settled, warnings.length]).toEqual([[], [], 1]);
  });
});

const BOTH = [
  { vm: vmId('vm1'), name: 'db' },
  { vm: vmId('vm2'), name: 'web' },
];

/** h1 has come back with the definitions of two VMs, which run on h2. */
function two(parts: Partial<Pick<Hypervisor, 'commit'>> = {}) {
  const asked = Promise.withResolvers<void>();
  const mayAnswer = Promise.withResolvers<void>();
  const open: MoveRecord[] = [];
  const events = recordingEvents();
  const removed: string[] = [];
  const hypervisor: Pick<Hypervisor, 'source' | 'locate' | 'commit'> = {
    source: sourceId('lab'),
    locate: async (vm) => {
      if (vm === 'vm1') asked.resolve();
      if (vm === 'vm1') await mayAnswer.promise;
      return { sightings: [seen('h2', 'running'), seen('h1', 'defined')], blind: [] };
    },
    commit: async (order, signal) => {
      const answer = (await parts.commit?.(order, signal)) ?? ok(undefined);
      removed.push(order.vm);
      return answer;
    },
  };
  const readmission = new Readmission({
    ledger: { openMoves: async () => open },
    clock: realClock,
    events,
    // Nothing else is asked of it.
    hypervisors: new Map([[sourceId('lab'), hypervisor as Hypervisor]]),
    settings: () => aPolicy(),
    objection: async () => undefined,
    settled: async () => {},
  });
  const record = aHostFailureRecord('h1', { state: 'returned', restarted: BOTH });
  const clean = (inFlight: Snapshot['inFlight'] = []): void => {
    const hosts = ['h1', 'h2', 'h3'].map((id) => aHost({ id }));
    readmission.clean(aHost(), record, { ...aSnapshot({ hosts, vms: [] }), inFlight });
  };
  const finish = async () => {
    mayAnswer.resolve();
    await readmission.idle();
    return { removed, warnings: events.of('warning').map(({ text }) => text) };
  };
  return { asked: asked.promise, open, clean, finish };
}

describe('a VM of which a host is to be cleaned', () => {
  const moving = aRecord('m9', 'vm2');

  it('is left alone where its move was begun meanwhile', async () => {
    const { asked, clean, finish } = two();
    clean();
    await asked;
    const { id, vm, from, to, method } = moving.move;
    clean([{ move: id, vm, from, to, method, startedAt: moving.openedAt }]);
    expect((await finish()).removed).toEqual(['vm1']);
  });

  it('is left alone where another controller has begun to move it', async () => {
    const { asked, open, clean, finish } = two();
    clean();
    await asked;
    open.push({ ...moving, stages: [], result: undefined });
    expect(await finish()).toEqual({
      removed: ['vm1'],
      warnings: [
        'h1 is held out: web was restarted elsewhere, and its definition is not removed while ' +
          'it is being moved',
      ],
    });
  });

  it('is left alone where it runs in a cluster of another controller, and only that', async () => {
    const { clean, finish } = two({
      commit: async ({ vm }) => {
        if (vm === 'vm1') throw new LedgerError('lost-lease', 'the lease of c2 is not held here');
        return ok(undefined);
      },
    });
    clean();
    expect(await finish()).toEqual({
      removed: ['vm2'],
      warnings: [
        expect.stringContaining(
          'db was restarted elsewhere, and its definition is not removed: the lease of c2',
        ),
      ],
    });
  });
});
