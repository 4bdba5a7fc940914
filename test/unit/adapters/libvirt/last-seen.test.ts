// Role: what hosts said last is there after a restart of Drover, for as long as it tells something.
import { describe, expect, it } from 'vitest';

import type { AdapterMemory } from '../../../../adapters/adapter.ts';
import { LastSeenHosts, type LastSeen } from '../../../../adapters/libvirt/last-seen.ts';
import { hostId } from '../../../../src/domain/ids.ts';
import { manualClock } from '../../../support/manual-clock.ts';
import { found, hostFacts } from './samples.ts';

function inMemory(): AdapterMemory & { readonly writes: string[] } {
  const kept = new Map<string, string>();
  const writes: string[] = [];
  return {
    writes,
    read: async (name) => kept.get(name),
    async write(name, text) {
      writes.push(name);
      kept.set(name, text);
    },
    async remove(name) {
      kept.delete(name);
    },
    names: async () => [...kept.keys()].sort(),
  };
}

const SEEN: LastSeen = {
  facts: hostFacts('h1'),
  reach: [{ storage: 'nfs', shared: true }],
  guests: [found('h1', 'running')],
};

describe('what a host said last', () => {
  it('is what it said, read by another run of Drover', async () => {
    const memory = inMemory();
    const clock = manualClock();
    await new LastSeenHosts(memory, clock).write(SEEN);
    const again = await new LastSeenHosts(memory, clock).read(hostId('h1'));
    expect(again).toEqual(SEEN);
    expect(await new LastSeenHosts(memory, clock).read(hostId('h2'))).toBeUndefined();
  });

  it('is written when it changed, and before it grows old', async () => {
    const memory = inMemory();
    const clock = manualClock();
    const hosts = new LastSeenHosts(memory, clock);
    for (let look = 0; look < 10; look += 1) await hosts.write(SEEN);
    expect(memory.writes).toHaveLength(1);
    await hosts.write({ ...SEEN, guests: [] });
    expect(memory.writes).toHaveLength(2);
    await clock.pass(3600);
    await hosts.write({ ...SEEN, guests: [] });
    expect(memory.writes).toHaveLength(3);
  });

  it('tells nothing any more after a day, and nothing that cannot be read', async () => {
    const memory = inMemory();
    const clock = manualClock();
    await new LastSeenHosts(memory, clock).write(SEEN);
    await clock.pass(86_401);
    const later = new LastSeenHosts(memory, clock);
    expect(await later.read(hostId('h1'))).toBeUndefined();
    for (const text of ['{', '{"format":0}', '7']) {
      await memory.write('host h1', text);
      expect(await later.read(hostId('h1'))).toBeUndefined();
    }
  });

  it('is not kept where there is nothing to keep it in', async () => {
    const hosts = new LastSeenHosts(undefined, manualClock());
    await hosts.write(SEEN);
    expect(await hosts.read(hostId('h1'))).toBeUndefined();
  });
});
