// Role: how the answers of several hosts become one inventory.
import { describe, expect, it } from 'vitest';

import type { FoundGuest, HostInventory } from '../../../../adapters/libvirt/host.ts';
import { mergeInventories, type HostAnswer } from '../../../../adapters/libvirt/fleet-inventory.ts';
import { lastSeenOf } from '../../../../adapters/libvirt/last-seen.ts';
import { hostId } from '../../../../src/domain/ids.ts';
import { guestsToAsk } from '../../../../src/execute/guest-sign.ts';
import { found, hostFacts, identity, survey, UUID } from './samples.ts';

function inventoryOf(id: string, guests: readonly FoundGuest[]): HostInventory {
  return { survey: { ...survey(id), facts: hostFacts(id) }, guests, unread: [], problems: [] };
}

function answer(id: string, guests: readonly FoundGuest[]): HostAnswer {
  return { kind: 'answered', host: identity(id), inventory: inventoryOf(id, guests) };
}

function silent(
  id: string,
  guests?: readonly FoundGuest[],
  about: { readonly ageSeconds?: number; readonly unwatchedSeconds?: number } = {},
): HostAnswer {
  const last = guests && lastSeenOf(inventoryOf(id, guests));
  return { kind: 'silent', host: identity(id), last, error: 'no route to host', ...about };
}

describe('the inventory of several hosts', () => {
  it('lists hosts by id and every guest once', () => {
    const { hosts, vms, problems } = mergeInventories([
      answer('h2', []),
      answer('h1', [found('h1', 'running')]),
    ]);
    expect(hosts.map(({ id }) => id)).toEqual(['h1', 'h2']);
    expect(vms.map(({ id, host }) => [id, host])).toEqual([[UUID, 'h1']]);
    expect(problems).toEqual([]);
  });

  it('lists a guest where it runs and reports a definition elsewhere', () => {
    const { vms, problems } = mergeInventories([
      answer('h1', [found('h1', 'defined')]),
      answer('h2', [found('h2', 'running')]),
    ]);
    expect(vms.map(({ host }) => host)).toEqual(['h2']);
    expect(problems).toEqual([expect.stringContaining('defined on h1')]);
  });

  it('cries out when a guest runs twice, moves it not, and calls neither host empty', () => {
    const { hosts, vms, problems } = mergeInventories([
      answer('h2', [found('h2', 'running')]),
      answer('h1', [found('h1', 'running')]),
    ]);
    expect(vms).toMatchObject([{ host: 'h1', locked: true }]);
    expect(hosts.map(({ unlistedGuests }) => unlistedGuests)).toEqual([undefined, ['web & mail']]);
    expect(problems).toEqual([expect.stringContaining('RUNS on h1 and h2')]);
  });

  it('believes of two silent hosts the one that said it last', () => {
    const { vms } = mergeInventories([
      silent('h1', [found('h1', 'running')], { ageSeconds: 3 * 86_400 }),
      silent('h2', [found('h2', 'running')], { ageSeconds: 60 }),
      answer('h3', []),
    ]);
    expect(vms).toMatchObject([{ host: 'h2', powerState: 'unknown' }]);
  });

  it('counts what a broken post-copy has left of a guest that runs elsewhere', () => {
    const [before, after] = (['defined', 'post-copy-paused'] as const).map(
      (state) =>
        mergeInventories([
          answer('h1', [found('h1', 'running')]),
          answer('h2', [found('h2', state)]),
        ]).hosts,
    );
    const { vm } = found('h1', 'running');
    const taken = (index: number): number =>
      (after?.[index]?.memory.reservedBytes ?? 0) - (before?.[index]?.memory.reservedBytes ?? 0);
    expect([taken(0), taken(1)]).toEqual([0, vm.memoryBytes + vm.overheadBytes]);
  });

  it('has nothing restarted of what nobody has looked after for days', () => {
    const days = { ageSeconds: 4 * 86_400, unwatchedSeconds: 3 * 86_400 };
    const restart = (about: Parameters<typeof silent>[2]) =>
      mergeInventories([silent('h1', [found('h1', 'running')], about)]).vms[0]?.unwatched;
    expect(restart(days)).toBe(
      'Drover did not look for 3 days, and what is known of it is 4 days old',
    );
    expect(restart({ ...days, unwatchedSeconds: 600 })).toBeUndefined();
    expect(restart({})).toBeUndefined();
  });

  it('finds nothing strange in a guest that is being moved', () => {
    const { vms, problems } = mergeInventories([
      answer('h1', [found('h1', 'running')]),
      answer('h2', [found('h2', 'incoming')]),
    ]);
    expect(vms.map(({ host }) => host)).toEqual(['h1']);
    expect(problems).toEqual([]);
  });

  it('keeps a silent host, disconnected, and its guests in an unknown state', () => {
    const { hosts, vms, problems } = mergeInventories([
      silent('h1', [found('h1', 'running')]),
      answer('h2', []),
    ]);
    expect(hosts.map(({ connection }) => connection)).toEqual(['disconnected', 'connected']);
    expect(vms.map(({ host, powerState }) => [host, powerState])).toEqual([['h1', 'unknown']]);
    expect(problems).toEqual(['h1: no route to host']);
  });

  it('has the guests of a silent host asked whether they answer', () => {
    const { vms } = mergeInventories([silent('h1', [found('h1', 'running')]), answer('h2', [])]);
    const asked = guestsToAsk({ id: hostId('h1') }, { vms, inFlight: [] }, undefined);
    expect(asked.map(({ id }) => id)).toEqual([UUID]);
  });

  it('believes a host that answers before one that does not', () => {
    const { vms } = mergeInventories([
      silent('h1', [found('h1', 'running')]),
      answer('h2', [found('h2', 'running')]),
    ]);
    expect(vms.map(({ host }) => host)).toEqual(['h2']);
  });

  it('invents nothing about a host that never answered', () => {
    expect(mergeInventories([silent('h1')])).toEqual({
      hosts: [],
      vms: [],
      storages: [],
      networks: [],
      problems: ['h1: no route to host'],
    });
  });
});
