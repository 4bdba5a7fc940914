// Role: a guest whose document nobody here understands is still there.
import { expect, it } from 'vitest';

import type { HostSurvey } from '../../../../adapters/libvirt/host-survey.ts';
import { mergeInventories } from '../../../../adapters/libvirt/fleet-inventory.ts';
import { FakeHost } from './fake-host.ts';
import { GuestSession } from './fake-guest.ts';
import { guestXml, survey, UUID } from './samples.ts';

class SurveyedHost extends FakeHost {
  override survey(): Promise<HostSurvey> {
    return Promise.resolve(survey(this.id));
  }
}

async function inventoryOf(xml: string, running: boolean) {
  const session = new GuestSession({ [UUID]: xml }, []);
  session.running = running;
  const host = new SurveyedHost('h1', session);
  const inventory = await host.inventory(AbortSignal.timeout(5000));
  const merged = mergeInventories([{ kind: 'answered', host: host.identity, inventory }]);
  const last = await host.last();
  return { inventory, merged, last };
}

const UNREADABLE = guestXml({}).replace(/<vcpu.*<\/vcpu>/, '<vcpu>many</vcpu>');

it('keeps its host occupied, also where that falls silent later, and its definition', async () => {
  const { inventory, merged, last } = await inventoryOf(UNREADABLE, true);
  expect(merged.vms).toEqual([]);
  expect(merged.hosts).toMatchObject([{ id: 'h1', unlistedGuests: [UUID] }]);
  expect(last?.facts.unlistedGuests).toEqual([UUID]);
  expect(inventory.unread).toEqual([{ uuid: UUID, isThere: true }]);
  expect(merged.problems).toEqual([expect.stringContaining(`guest ${UUID}: domain`)]);
});

it('is not there where it is off, and its definition is kept all the same', async () => {
  const { inventory, merged } = await inventoryOf(UNREADABLE, false);
  expect(merged.hosts[0]).not.toHaveProperty('unlistedGuests');
  expect(inventory.unread).toEqual([{ uuid: UUID, isThere: false }]);
});
