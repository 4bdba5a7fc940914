// Role: a VM that somebody has moved on to a third host while its move was not at its end: nothing
// of it stays stored where a reboot would start a second copy, and nothing goes that may be needed.
import { describe, expect, it } from 'vitest';

import { type HostId, hostId, moveId } from '../../../src/domain/ids.ts';
import type { Sighting } from '../../../src/ports/hypervisor.ts';
import { AdapterError } from '../../../src/ports/metric-source.ts';
import { makeBench, move, planOf, yes } from '../../support/execution-bench.ts';
import { deadHosts } from '../../support/restart-guard.ts';
import { SOURCE } from '../../support/scripted-hypervisor.ts';

const MOVES = [move('1', 'h1', 'h2')];
const [H1, H2, H3] = [hostId('h1'), hostId('h2'), hostId('h3')];

interface Case {
  /** Where it is stored, beside its source. */
  readonly storedOn?: readonly HostId[];
  readonly dead?: readonly HostId[];
}

/** It had arrived on h2, was not seen there, and runs on h3. */
async function movedOn({ storedOn = [H3], dead = [] }: Case = {}) {
  const bench = await makeBench();
  const { hypervisor, clock } = bench;
  const { restarts, notes } = deadHosts(new Set(dead), new Map());
  const done = bench.executor({ restarts }).submit(planOf(MOVES), yes(MOVES));
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
      detail: 'it runs on h3; it is not stored there: what h1 has may be its only definition',
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
    ['it is not whole on h3 (post-copy)', H3, 'post-copy'],
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

  it('says what keeps an old definition from being removed', async () => {
    const { hypervisor, ended } = await movedOn();
    hypervisor.fault = (_call, name) => (name === 'commit' ? 'declined' : undefined);
    expect(await ended()).toMatchObject({
      outcome: 'needs-human',
      detail: 'it runs on h3; its old definition on h1 could not be removed: as scripted',
    });
  });
});

describe('one of whose migration the hypervisor knows nothing', () => {
  it('has failed as far as is known, and leaves nothing behind either', async () => {
    const { hypervisor, ended, stored } = await movedOn();
    hypervisor.job = () => Promise.resolve({ kind: 'none' });
    expect(await ended()).toMatchObject({
      outcome: 'failed',
      detail: 'the hypervisor knows of no such migration; it runs on h3',
    });
    expect(stored()).toBe('h3');
  });

  it('says what is left', async () => {
    const { hypervisor, ended, stored } = await movedOn({ storedOn: [] });
    hypervisor.job = () => Promise.resolve({ kind: 'none' });
    expect((await ended())?.detail).toContain('what h1 has may be its only definition');
    expect(stored()).toBe('h1');
  });

  it('keeps what it has where its start was refused: nothing is left of it', async () => {
    const bench = await makeBench();
    const { hypervisor, clock } = bench;
    hypervisor.startMove = async () => {
      hypervisor.truth('v1').runsOn = [H3];
      hypervisor.truth('v1').definedOn.add(H3);
      return { ok: false, error: { code: 'refused', detail: 'it does not run on h1' } };
    };
    await clock.until(bench.executor().submit(planOf(MOVES), yes(MOVES)));
    expect(hypervisor.calls).not.toContain('commit');
  });

  it('is asked for again while the hypervisor cannot be reached', async () => {
    const { hypervisor, clock, result, ended, stored } = await movedOn();
    hypervisor.job = () => Promise.resolve({ kind: 'none' });
    const commit = hypervisor.commit.bind(hypervisor);
    hypervisor.commit = () => Promise.reject(new AdapterError('unreachable', SOURCE, 'it is down'));
    await clock.pass(600);
    expect(await result()).toBeUndefined();
    hypervisor.commit = commit;
    expect((await ended())?.outcome).toBe('failed');
    expect(stored()).toBe('h3');
  });
});
