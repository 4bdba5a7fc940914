// Role: a VM that somebody has moved on to a third host while its move was not at its end: nothing
// of it stays stored where a reboot would start a second copy, and nothing goes that may be needed.
import { describe, expect, it } from 'vitest';

import { type HostId, hostId, moveId, storageId } from '../../../src/domain/ids.ts';
import { bytes, GIB } from '../../../src/domain/units.ts';
import type { Sighting } from '../../../src/ports/hypervisor.ts';
import { makeBench, move, planOf, yes } from '../../support/execution-bench.ts';
import { aPolicy, aVm, someMigration } from '../../support/fleet.ts';
import { deadHosts } from '../../support/restart-guard.ts';

const MOVES = [move('1', 'h1', 'h2')];
const LOCAL = { storage: storageId('local-h1'), bytes: bytes(200 * GIB), shared: false };
const [H1, H2, H3] = [hostId('h1'), hostId('h2'), hostId('h3')];

interface Case {
  /** Where it is stored, beside its source. */
  readonly storedOn?: readonly HostId[];
  readonly dead?: readonly HostId[];
  /** Cold, with its disks. */
  readonly isCopied?: boolean;
}

/** It had arrived on h2, was not seen there, and runs on h3. */
async function movedOn({ storedOn = [H3], dead = [], isCopied = false }: Case = {}) {
  const bench = await makeBench();
  if (isCopied) {
    const vms = [aVm({ id: 'v1', permission: 'cold', disks: [LOCAL] })];
    bench.world = { ...bench.world, vms };
    bench.policies = aPolicy({ migration: someMigration({ methods: ['storage', 'cold'] }) });
  }
  const moves = isCopied ? MOVES.map((one) => ({ ...one, method: 'cold' as const })) : MOVES;
  const { hypervisor, clock } = bench;
  const { restarts, notes } = deadHosts(new Set(dead), new Map());
  const done = bench.executor({ restarts }).submit(planOf(moves), yes(moves));
  await clock.pass(5);
  hypervisor.finish('v1');
  const truth = hypervisor.truth('v1');
  truth.runsOn = [H3];
  for (const host of storedOn) truth.definedOn.add(host);
  const result = async () => (await bench.ledger.move(moveId('m1')))?.result;
  const ended = async () => {
    await clock.until(done);
    return result();
  };
  const stored = (): string => [...truth.definedOn].sort().join();
  return { hypervisor, clock, notes, result, ended, stored };
}

describe('a VM that somebody has moved on before it was seen on its target', () => {
  it('leaves nothing behind that a reboot of its source would start', async () => {
    const { ended, stored } = await movedOn();
    expect(await ended()).toMatchObject({ outcome: 'succeeded', detail: 'by now it runs on h3' });
    expect(stored()).toBe('h3');
  });

  it('nor one of its target', async () => {
    const { ended, stored } = await movedOn({ storedOn: [H2, H3] });
    expect((await ended())?.outcome).toBe('succeeded');
    expect(stored()).toBe('h3');
  });

  it('has it noted that a dead target may have it stored', async () => {
    const { ended, notes } = await movedOn({ dead: [H2] });
    expect((await ended())?.outcome).toBe('succeeded');
    expect(notes).toContain('h2 v1');
  });

  it('keeps what may be its only definition, and a human is called', async () => {
    const { hypervisor, ended, stored } = await movedOn({ storedOn: [] });
    expect(await ended()).toMatchObject({
      outcome: 'needs-human',
      detail: 'it runs on h3; it is not stored on h3: what others have may be needed',
    });
    expect(stored()).toBe('h1');
    expect(hypervisor.calls).not.toContain('commit');
  });

  it.each([H1, H2])('is not settled while %s is silent', async (silent) => {
    const { hypervisor, clock, result, ended } = await movedOn();
    hypervisor.blind.add(silent);
    await clock.pass(7200);
    expect(await result()).toBeUndefined();
    hypervisor.blind.clear();
    expect((await ended())?.outcome).toBe('succeeded');
  });

  it.each<[string, HostId, Sighting['state']]>([
    ['it is not whole on h3 yet', H3, 'post-copy'],
    ['h2 has a copy of it (incoming)', H2, 'incoming'],
    ['h1 has a copy of it (paused)', H1, 'paused'],
  ])('is not settled while %s', async (problem, host, state) => {
    const { hypervisor, ended, stored } = await movedOn();
    const locate = hypervisor.locate.bind(hypervisor);
    hypervisor.locate = async (vm) => {
      const { sightings, blind } = await locate(vm);
      const others = sightings.filter((one) => one.host !== host);
      return { sightings: [...others, { host, state, persistent: true }], blind };
    };
    expect(await ended()).toMatchObject({
      outcome: 'needs-human',
      detail: `it runs on h3; ${problem}`,
    });
    expect(stored()).toBe('h1,h3');
  });

  it('keeps them where its disks were copied: only they tell which are the newest', async () => {
    const { hypervisor, ended, stored } = await movedOn({ isCopied: true });
    expect(await ended()).toMatchObject({
      outcome: 'needs-human',
      detail: 'it runs on h3; its disks were copied: see first which of them it uses',
    });
    expect(stored()).toBe('h1,h3');
    expect(hypervisor.calls).not.toContain('commit');
  });

  it('says what keeps an old definition from being removed', async () => {
    const { hypervisor, ended } = await movedOn();
    hypervisor.fault = (_call, name) => (name === 'commit' ? 'declined' : undefined);
    expect(await ended()).toMatchObject({
      outcome: 'needs-human',
      detail: 'it runs on h3; what h1 has stored of it could not be removed: as scripted',
    });
  });
});

describe('one of whose migration the hypervisor knows nothing', () => {
  it('keeps what its source has: whose it is nobody knows, and it is said', async () => {
    const { hypervisor, ended, stored } = await movedOn({ storedOn: [H2, H3] });
    hypervisor.job = () => Promise.resolve({ kind: 'none' });
    const { outcome, detail } = (await ended()) ?? {};
    expect(outcome).toBe('failed');
    expect(detail).toContain(
      'it runs on h3; a reboot of h1 or h2 may start it there, where it is stored still',
    );
    expect(stored()).toBe('h1,h3');
    expect(hypervisor.calls).not.toContain('commit');
  });
});
