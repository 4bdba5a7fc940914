// Role: a guest that a move has brought to a host which has not said a word since.
import { expect, it } from 'vitest';

import { noteArrival } from '../../../../adapters/libvirt/arrival.ts';
import { type HostAnswer, mergeInventories } from '../../../../adapters/libvirt/fleet-inventory.ts';
import type { HostInventory } from '../../../../adapters/libvirt/host.ts';
import type { HostSurvey } from '../../../../adapters/libvirt/host-survey.ts';
import { vmId } from '../../../../src/domain/ids.ts';
import { GuestSession } from './fake-guest.ts';
import { FakeHost } from './fake-host.ts';
import { guestXml, survey, UUID } from './samples.ts';

class AskedHost extends FakeHost {
  /** What its next answer waits for. */
  gate: Promise<void> = Promise.resolve();

  override async survey(): Promise<HostSurvey> {
    await this.gate;
    return survey(this.id);
  }

  override visibleFeatures(): Promise<readonly string[]> {
    return Promise.resolve(['sse2']);
  }

  ask(): Promise<HostInventory> {
    return this.inventory(AbortSignal.timeout(5000));
  }
}

function withGuests(id: string, guests: Readonly<Record<string, string>>): AskedHost {
  const session = new GuestSession(guests, []);
  session.running = true;
  return new AskedHost(id, session);
}

/** The guest runs on h1 for all that is known, and moves to h2. */
async function arrivedOn(h2: AskedHost): Promise<void> {
  const h1 = withGuests('h1', { [UUID]: guestXml({}) });
  await h1.ask();
  await noteArrival(vmId(UUID), { from: h1, to: h2 }, [h1, h2]);
  expect((await h1.last())?.guests).toEqual([]);
}

async function silent(host: AskedHost): Promise<HostAnswer> {
  return { kind: 'silent', host: host.identity, last: await host.last(), error: 'no answer' };
}

it('is there in an inventory in which that host is silent', async () => {
  const h2 = withGuests('h2', {});
  await h2.ask();
  await arrivedOn(h2);
  const h1 = withGuests('h1', {});
  const inventory = await h1.ask();
  const answered = { kind: 'answered', host: h1.identity, inventory } as const;
  const { vms } = mergeInventories([answered, await silent(h2)]);
  expect(vms).toMatchObject([{ id: UUID, host: 'h2', powerState: 'unknown' }]);
});

it('outlasts an answer that was asked for before it came, but not the next', async () => {
  const h2 = withGuests('h2', {});
  await h2.ask();
  const gate = Promise.withResolvers<void>();
  h2.gate = gate.promise;
  const before = h2.ask();
  await arrivedOn(h2);
  gate.resolve();
  await before;
  expect((await h2.last())?.guests).toMatchObject([{ vm: { id: UUID, host: 'h2' } }]);
  await h2.ask();
  expect((await h2.last())?.guests).toEqual([]);
});
