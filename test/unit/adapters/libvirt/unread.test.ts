// Role: a guest whose document nobody here understands is still there.
import { expect, it } from 'vitest';

import type { HostInventory } from '../../../../adapters/libvirt/host.ts';
import type { HostSurvey } from '../../../../adapters/libvirt/host-survey.ts';
import { mergeInventories } from '../../../../adapters/libvirt/fleet-inventory.ts';
import { ERROR } from '../../../../adapters/libvirt/native/constants.ts';
import { LibvirtError } from '../../../../adapters/libvirt/native/errors.ts';
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

/** A host that declines one call about its guest. */
class Declining extends GuestSession {
  #text = '';
  #error = new LibvirtError(0, '', false);

  declines(name: string, error: LibvirtError): this {
    this.#text = name;
    this.#error = error;
    return this;
  }

  override text(name: string, ...args: readonly unknown[]): Promise<string> {
    return name === this.#text ? Promise.reject(this.#error) : super.text(name, ...args);
  }
}

function declining(name: string, code: number, lost = false): Promise<HostInventory> {
  const session = new Declining({ [UUID]: guestXml({}) }, []);
  session.running = true;
  const host = new SurveyedHost('h1', session.declines(name, new LibvirtError(code, 'no', lost)));
  return host.inventory(AbortSignal.timeout(5000));
}

it('is listed without its features where libvirt cannot spell out its CPU', async () => {
  const { guests, problems } = await declining('virConnectBaselineHypervisorCPU', 67);
  expect(problems).toEqual([]);
  expect(guests).toHaveLength(1);
});

it('is unread where libvirt declines to describe it, and its host answers', async () => {
  const { unread, problems } = await declining('virDomainGetXMLDesc', ERROR.internal);
  expect(unread).toEqual([{ uuid: UUID, isThere: true }]);
  expect(problems).toEqual([expect.stringContaining(`guest ${UUID}: no; its host counts`)]);
});

it('is not there where it has gone in that moment', async () => {
  const { guests, unread, problems } = await declining('virDomainGetXMLDesc', ERROR.noDomain);
  expect([guests, unread, problems]).toEqual([[], [], []]);
});

it('says nothing where the host falls silent: then nobody has answered', async () => {
  const silent = declining('virConnectBaselineHypervisorCPU', ERROR.internal, true);
  await expect(silent).rejects.toThrow('no');
});
