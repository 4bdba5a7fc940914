// Role: what hosts said last is there after a restart of Drover, while they are configured.
import { describe, expect, it } from 'vitest';

import type { AdapterMemory } from '../../../../adapters/adapter.ts';
import { answerOf, mergeInventories } from '../../../../adapters/libvirt/fleet-inventory.ts';
import { LibvirtHypervisor } from '../../../../adapters/libvirt/hypervisor.ts';
import { LastSeenHosts, type LastSeen } from '../../../../adapters/libvirt/last-seen.ts';
import { hostId } from '../../../../src/domain/ids.ts';
import { manualClock } from '../../../support/manual-clock.ts';
import { GuestSession } from './fake-guest.ts';
import { FakeHost } from './fake-host.ts';
import { found, hostFacts, options, SOURCE, UUID } from './samples.ts';

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

class SilentHost extends FakeHost {
  override inventory(): Promise<never> {
    return Promise.reject(new Error('no route to host'));
  }
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

  it('is written when it changed, and once an hour, so that its age is right', async () => {
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

  it('tells nothing where it cannot be read', async () => {
    const memory = inMemory();
    const hosts = new LastSeenHosts(memory, manualClock());
    for (const text of ['{', '{"format":0}', '7']) {
      await memory.write('host h1', text);
      expect(await hosts.read(hostId('h1'))).toBeUndefined();
      expect(hosts.ageSeconds(hostId('h1'))).toBeUndefined();
    }
  });

  it('has the age of the host’s own word, also where moves have changed it since', async () => {
    const memory = inMemory();
    const clock = manualClock();
    const hosts = new LastSeenHosts(memory, clock);
    await hosts.write(SEEN);
    await clock.pass(5000);
    await hosts.amend({ ...SEEN, guests: [] });
    expect(hosts.ageSeconds(hostId('h1'))).toBe(5000);
    const later = new LastSeenHosts(memory, clock);
    expect(await later.read(hostId('h1'))).toMatchObject({ guests: [] });
    expect(later.ageSeconds(hostId('h1'))).toBe(5000);
    await later.write(SEEN);
    expect(later.ageSeconds(hostId('h1'))).toBe(0);
  });

  it('is looked after by a Drover that looks in vain, and not by one that is off', async () => {
    const memory = inMemory();
    const clock = manualClock();
    const id = hostId('h1');
    const unwatched = async (days: number): Promise<number> => {
      await clock.pass(days * 86_400);
      const next = new LastSeenHosts(memory, clock);
      const seen = await next.read(id);
      for (let hour = 0; seen !== undefined && hour < 72; hour += 1) {
        await clock.pass(3600);
        await next.amend(seen);
      }
      return next.unwatchedSeconds(id) / 86_400;
    };
    await new LastSeenHosts(memory, clock).write(SEEN);
    // Each looks for three days; the last two begin after a gap that nobody has made good since.
    expect(await unwatched(0)).toBe(0);
    expect(await unwatched(0.5)).toBeCloseTo(0.5);
    expect(await unwatched(4)).toBeCloseTo(4);
    expect(await unwatched(0)).toBeCloseTo(4 + 3);
    const last = new LastSeenHosts(memory, clock);
    await last.read(id);
    await last.write(SEEN);
    expect(last.unwatchedSeconds(id)).toBe(0);
  });

  it('goes with its host from the configuration, and nothing else does', async () => {
    const memory = inMemory();
    for (const name of ['host h1', 'host h10', `guest ${UUID}`]) await memory.write(name, '{}');
    await new LastSeenHosts(memory, manualClock()).keepOnly([hostId('h1')]);
    expect(await memory.names()).toEqual([`guest ${UUID}`, 'host h1']);
  });

  it('is looked through by the first question to the source', async () => {
    const memory = inMemory();
    for (const name of ['host h1', 'host h2']) await memory.write(name, '{}');
    const hosts = [{ id: 'h1', uri: 'qemu+unix:///system?socket=/nowhere' }];
    const parts = { source: SOURCE, clock: manualClock(), memory };
    const source = new LibvirtHypervisor(options({ hosts }), parts);
    await expect(source.inventory(AbortSignal.timeout(5000))).rejects.toThrow('no host answers');
    expect(await memory.names()).toEqual(['host h1']);
    await source.close();
  });

  it('stays, and fails nothing, where its folder cannot be written to', async () => {
    const memory = inMemory();
    memory.remove = () => Promise.reject(new Error('EROFS: read-only file system'));
    await memory.write('host h2', '{}');
    await new LastSeenHosts(memory, manualClock()).keepOnly([hostId('h1')]);
    expect(await memory.names()).toEqual(['host h2']);
  });

  it('is not kept where there is nothing to keep it in', async () => {
    const hosts = new LastSeenHosts(undefined, manualClock());
    await hosts.write(SEEN);
    expect(await hosts.read(hostId('h1'))).toBeUndefined();
  });
});

describe('a host that fell silent days ago', () => {
  async function answersLater(hours: number) {
    const memory = inMemory();
    const clock = manualClock();
    await new LastSeenHosts(memory, clock).write(SEEN);
    await clock.pass(hours * 3600);
    const hosts = new LastSeenHosts(memory, clock);
    return answerOf(
      new SilentHost('h1', new GuestSession({}, []), {}, { hosts }),
      new AbortController().signal,
    );
  }

  it('is in the fleet with its guests after a restart of Drover, and its age is told', async () => {
    const { hosts, vms, problems } = mergeInventories([await answersLater(60)]);
    expect(hosts).toMatchObject([{ id: 'h1', connection: 'disconnected' }]);
    expect(vms).toMatchObject([{ id: UUID, host: 'h1', powerState: 'unknown' }]);
    expect(problems).toEqual([
      'h1: no route to host',
      'h1: what is known of it and of its guests is 2 days old',
    ]);
  });

  it.each([
    [23.9, []],
    [24, ['1 day old']],
    [71, ['2 days old']],
  ] as const)('has an age in days: %d hours', async (hours, told) => {
    const { problems } = mergeInventories([await answersLater(hours)]);
    expect(problems.slice(1)).toEqual(told.map((age) => expect.stringContaining(age)));
  });
});
