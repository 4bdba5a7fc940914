// Role: a controller that gets a lease knows the fleet from before: whoever had the lease may have
// moved VMs since. It acts on nothing that it has not seen again.
import { afterEach, describe, expect, it } from 'vitest';

import { actsOn } from '../../../src/app/lease-parts.ts';
import { hostId, sourceId, vmId } from '../../../src/domain/ids.ts';
import { GIB, seconds } from '../../../src/domain/units.ts';
import type { Hypervisor } from '../../../src/ports/hypervisor.ts';
import { AdapterError } from '../../../src/ports/metric-source.ts';
import type { SimulatedDatacenter } from '../../../src/simulate/datacenter.ts';
import { type Controller, type Controllers, startControllers } from '../../support/controllers.ts';
import { simHost, simVm } from '../../support/datacenter.ts';
import { aHost } from '../../support/fleet.ts';

const POLICY = 'apiVersion: drover/v1\nkind: Policy\nmode: automatic\n';
const FLEET = {
  seed: 1,
  hosts: ['h1', 'h2', 'h3'].map((name) => simHost(name)),
  vms: [simVm('web', 'h1')],
  groups: [],
};

function never(): Promise<never> {
  return new Promise(() => undefined);
}

function withOther(adapter: Hypervisor, other: Partial<Hypervisor>): Hypervisor {
  return new Proxy(adapter, {
    get(target, name) {
      if (Object.hasOwn(other, name)) return Reflect.get(other, name);
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

/** The first look is made before the lease is held; those after it fail until it is open. */
class Way {
  isOpen = false;
  looks = 0;

  /** `web` leaves h1 right after the first look, as by the last move of the holder before. */
  over(adapter: Hypervisor, datacenter: SimulatedDatacenter): Hypervisor {
    const inventory: Hypervisor['inventory'] = async (signal) => {
      this.looks += 1;
      if (this.looks > 1 && !this.isOpen) {
        throw new AdapterError('unreachable', adapter.source, 'cut off');
      }
      const seen = await adapter.inventory(signal);
      const drift = { kind: 'drift', vm: vmId('web'), to: hostId('h2') } as const;
      if (this.looks === 1) datacenter.inject(drift);
      return seen;
    };
    return withOther(adapter, { inventory });
  }
}

let run: Controllers | undefined;
afterEach(() => run?.stop());

async function begin(isOpen: boolean) {
  const way = new Way();
  way.isOpen = isOpen;
  run = await startControllers({
    fleet: FLEET,
    policy: POLICY,
    names: ['ben'],
    way: (adapter, datacenter) => way.over(adapter, datacenter),
  });
  await run.pass(10);
  const [ben] = run.all;
  if (ben === undefined) throw new Error('nobody was started');
  return { way, run, ben };
}

interface Scene {
  readonly run: Controllers;
  readonly ben: Controller;
}

async function emptyH1({ run: here, ben }: Scene): Promise<void> {
  const by = { kind: 'operator', name: 'olga' } as const;
  const about = { reason: 'fans', dedupeKey: '', deadlineSeconds: null, by };
  const answer = await ben.api.giveOrder({ kind: 'maintenance', host: 'h1', ...about });
  expect(answer.ok).toBe(true);
  await here.pass(30);
}

describe('a controller that has just got a lease', () => {
  it('looks again at once, before it plans', async () => {
    const scene = await begin(true);
    // The next tick of the schedule is due in a minute only.
    expect(scene.ben.api.vms().toArray()).toMatchObject([{ name: 'web', host: 'h2' }]);
    await emptyH1(scene);
    expect(await scene.run.ledger.recentMoves(9)).toEqual([]);
  });

  it('plans nothing by what it saw before, for as long as it sees nothing newer', async () => {
    const scene = await begin(false);
    await emptyH1(scene);
    expect(await scene.run.ledger.recentMoves(9)).toEqual([]);
    scene.way.isOpen = true;
    await scene.run.pass(300);
    expect(await scene.run.ledger.recentMoves(9)).toEqual([]);
    // What it does see, it acts on.
    scene.run.datacenter.inject({ kind: 'drift', vm: vmId('web'), to: hostId('h1') });
    await scene.run.pass(180);
    expect(await scene.run.ledger.recentMoves(9)).toMatchObject([
      { move: { vm: 'web', from: 'h1' }, result: { outcome: 'succeeded' } },
    ]);
  });
});

describe('a controller that takes over a move whose hypervisor hangs', () => {
  /** From then on nothing that is asked about a move is answered. */
  const hanging = (adapter: Hypervisor, when: { readonly isHung: boolean }): Hypervisor =>
    withOther(adapter, {
      job: (...how) => (when.isHung ? never() : adapter.job(...how)),
      locate: (...how) => (when.isHung ? never() : adapter.locate(...how)),
    });

  it('renews its leases all the while', async () => {
    const when = { isHung: false };
    const busy = { dirtyRateBusy: 9 * GIB, touchedShare: 1, workingSetShare: 1 };
    run = await startControllers({
      fleet: { ...FLEET, vms: [simVm('web', 'h1', undefined, busy)] },
      policy: POLICY,
      names: ['ann', 'ben'],
      way: (adapter) => hanging(adapter, when),
    });
    await run.pass(10);
    const { holder, other } = await run.roles();
    await emptyH1({ run, ben: holder });
    expect(await run.ledger.openMoves()).toMatchObject([{ move: { vm: 'web', from: 'h1' } }]);
    when.isHung = true;
    holder.kill();
    const lease = async () => (await run?.ledger.leaseBoard())?.leases[0];
    while ((await lease())?.holder !== other.name) await run.pass(10);
    const counts: (number | undefined)[] = [];
    for (let round = 0; round < 12; round += 1) {
      await run.pass(10);
      counts.push((await lease())?.renewals);
    }
    expect(await run.ledger.openMoves()).toHaveLength(1);
    // Each 10 s; more often where a tick renews them, too.
    counts.reduce((before = 0, now = 0) => {
      expect(now).toBeGreaterThan(before);
      return now;
    });
  });
});

describe('a controller that has not seen the fleet yet', () => {
  it('says so to who cancels something, and does not deny what it cannot know', async () => {
    const way = (adapter: Hypervisor) => withOther(adapter, { inventory: never });
    run = await startControllers({ fleet: FLEET, policy: POLICY, names: ['ben'], way });
    for (const name of ['web', '00000000-0000-7000-8000-000000000001']) {
      const answer = await run.all[0]?.api.cancel({ name, by: 'anna', withdraw: false });
      expect(answer).toMatchObject({ ok: false, error: { status: 503, code: 'not-ready' } });
    }
  });
});

describe('actsOn', () => {
  const host = aHost({ id: 'h1' });
  const asked = (at: number) => ({ askedAt: new Map([[host.source, seconds(at)]]) });
  const acts = (since: number | undefined) => actsOn({ heldSince: () => since });

  it('is where the lease is held, by what was asked since', () => {
    expect(acts(undefined)(host, asked(9))).toBe(false);
    expect(acts(5)(host, asked(4.9))).toBe(false);
    expect(acts(5)(host, asked(5))).toBe(true);
    expect(acts(5)(host, {})).toBe(false);
    expect(acts(5)(host, { askedAt: new Map([[sourceId('other'), seconds(9)]]) })).toBe(false);
  });

  it('waits for no answer where nobody else could have acted, or of a host that gives none', () => {
    expect(acts(Number.NEGATIVE_INFINITY)(host, {})).toBe(true);
    expect(acts(5)({ ...host, connection: 'disconnected' }, asked(4))).toBe(true);
    expect(acts(undefined)({ ...host, connection: 'disconnected' }, asked(4))).toBe(false);
  });
});
