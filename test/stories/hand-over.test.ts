// Story: two controllers share a fleet, and the one in charge runs in a VM of it. Its host is to be
// emptied: everything else leaves, then the leases go to the standby, and that one moves the VM.
// Without a living standby the VM stays, and the operator is told.
import { afterEach, describe, expect, it } from 'vitest';

import type { Machine } from '../../src/app/own-machine.ts';
import { clusterId, vmId } from '../../src/domain/ids.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import { aHost, aSnapshot, aVm } from '../support/fleet.ts';
import { ORDERED_POLICY } from '../support/ordered-policy.ts';
import { SharedControllers } from '../support/shared-controllers.ts';

const POLICY = `${ORDERED_POLICY}own:
  - { role: controller, controller: ada, vms: { names: [drover-ada] } }
  - { role: controller, controller: bob, vms: { names: [drover-bob] } }
`;

let pair: SharedControllers | undefined;

afterEach(async () => {
  await pair?.close();
  pair = undefined;
});

interface Place {
  readonly bob?: string;
  /** The id of ada's VM. */
  readonly ada?: string;
  /** Of h1 to h4. */
  readonly clusters?: readonly string[];
}

/** ada's VM is on h1. */
function fleet({
  ada = 'drover-ada',
  bob = 'h2',
  clusters = ['c1', 'c1', 'c1', 'c1'],
}: Place = {}): Snapshot {
  const hosts = clusters.map((cluster, index) =>
    aHost({ id: `h${index + 1}`, cluster: clusterId(cluster) }),
  );
  const vms = [
    aVm({ id: ada, host: 'h1', criticality: 'mission-critical', memoryGib: 4 }),
    aVm({ id: 'drover-bob', host: bob, memoryGib: 4 }),
    aVm({ id: 'shop', host: 'h1', memoryGib: 8 }),
    aVm({ id: 'wiki', host: 'h1', criticality: 'best-effort', memoryGib: 8 }),
  ];
  return aSnapshot({ hosts, vms });
}

/** Both run for two minutes; what was said until then is of no interest. */
async function started(
  world: Snapshot,
  { policy = POLICY, machine }: { readonly policy?: string; readonly machine?: Machine } = {},
): Promise<SharedControllers> {
  pair = new SharedControllers(world, policy);
  await pair.start('ada', machine);
  await pair.until(30);
  await pair.start('bob');
  await pair.until(120);
  pair.lines.length = 0;
  return pair;
}

function whereIs({ world }: SharedControllers, vm: string): string {
  return world.runningOn(vmId(vm)).join();
}

describe('the VM of the controller in charge', () => {
  it('is moved by the standby that took its leases over, after all others', async () => {
    const by = await started(fleet());
    await by.empty('ada', 'h1');
    await by.until(600);
    expect(by.lines).toEqual([
      '00:02:00 ada: shop starts h1 -> h3',
      '00:02:00 ada: wiki starts h1 -> h4',
      '00:02:08 ada: shop succeeded h1 -> h3',
      '00:02:08 ada: wiki succeeded h1 -> h4',
      '00:03:00 ada: ada gives its leases away, so that its VM drover-ada can go',
      '00:03:00 ada: c1: given back',
      '00:03:00 bob: c1: acting here from now on',
      '00:03:00 bob: drover-ada starts h1 -> h2',
      '00:03:03 bob: drover-ada succeeded h1 -> h2',
      '00:04:00 ada: ada takes its share of the leases again: drover-ada has moved',
    ]);
  });

  it('is known to it by the UUID of its machine, where no policy names it', async () => {
    const id = '00112233-4455-6677-8899-aabbccddeeff';
    const machine = { kind: 'known', uuid: '33221100-5544-7766-8899-aabbccddeeff' } as const;
    const policy = ORDERED_POLICY;
    const by = await started(fleet({ ada: id }), { policy, machine });
    await by.empty('ada', 'h1');
    await by.until(600);
    expect(by.lines.slice(4)).toEqual([
      `00:03:00 ada: ada gives its leases away, so that its VM ${id} can go`,
      '00:03:00 ada: c1: given back',
      '00:03:00 bob: c1: acting here from now on',
      `00:03:00 bob: ${id} starts h1 -> h2`,
      `00:03:03 bob: ${id} succeeded h1 -> h2`,
      `00:04:00 ada: ada takes its share of the leases again: ${id} has moved`,
    ]);
  });

  it('stays where the standby is gone, and leaves when there is one again', async () => {
    const by = await started(fleet());
    await by.stop('bob');
    await by.empty('ada', 'h1');
    await by.until(1200);
    expect(whereIs(by, 'drover-ada')).toBe('h1');
    const { result } = by.daemon('ada').state ?? {};
    expect(result?.report.unresolved.map(({ subject, code }) => [subject, code])).toEqual([
      [{ kind: 'vm', vm: 'drover-ada' }, 'own-leases'],
    ]);
    await by.start('bob');
    await by.until(1800);
    const again = by.lines.filter((line) => line >= '00:20:00');
    expect(again).toEqual([
      '00:21:00 ada: ada gives its leases away, so that its VM drover-ada can go',
      '00:21:00 ada: c1: given back',
      '00:21:00 bob: c1: acting here from now on',
      '00:21:00 bob: drover-ada starts h1 -> h2',
      '00:21:03 bob: drover-ada succeeded h1 -> h2',
      '00:22:00 ada: ada takes its share of the leases again: drover-ada has moved',
    ]);
  });

  it('does not leave its fleet without anybody: the standby dies over it', async () => {
    const by = await started(fleet());
    await by.empty('ada', 'h1');
    await by.until(170);
    by.kill('bob');
    await by.until(900);
    expect(by.lines.slice(-4)).toEqual([
      '00:03:00 ada: ada gives its leases away, so that its VM drover-ada can go',
      '00:03:00 ada: c1: given back',
      '00:05:00 ada: ada takes its share of the leases again: drover-ada was not moved',
      '00:05:10 ada: c1: acting here from now on',
    ]);
    expect(whereIs(by, 'drover-ada')).toBe('h1');
  });

  it('is in another cluster than those that it acts in', async () => {
    const by = await started(fleet({ clusters: ['c1', 'c2', 'c2', 'c1'] }));
    const leases = by.daemon('ada').api.status().leases;
    expect(leases.map(({ cluster, holder }) => [cluster, holder])).toEqual([
      ['c1', 'bob'],
      ['c2', 'ada'],
    ]);
    await by.empty('ada', 'h2');
    await by.until(900);
    expect(by.lines).toEqual([
      '00:03:00 bob: bob gives its leases away, so that its VM drover-bob can go',
      '00:03:00 bob: c1: given back',
      '00:03:10 ada: c1: acting here from now on',
      '00:04:00 ada: drover-bob starts h2 -> h3',
      '00:04:03 ada: drover-bob succeeded h2 -> h3',
      '00:05:00 bob: bob takes its share of the leases again: drover-bob has moved',
      '00:05:20 ada: c1: given back',
      '00:05:20 bob: c1: acting here from now on',
    ]);
  });

  it('and that of the standby are on one host: each moves that of the other', async () => {
    const by = await started(fleet({ bob: 'h1', clusters: ['c1', 'c2', 'c2', 'c1'] }));
    await by.empty('bob', 'h1');
    await by.until(900);
    expect(by.lines).toEqual([
      '00:02:00 bob: shop starts h1 -> h4',
      '00:02:00 bob: wiki starts h1 -> h4',
      '00:02:08 bob: shop succeeded h1 -> h4',
      '00:02:08 bob: wiki succeeded h1 -> h4',
      '00:03:00 ada: ada gives its leases away, so that its VM drover-ada can go',
      '00:03:00 ada: c2: given back',
      '00:03:00 bob: c2: acting here from now on',
      '00:03:00 bob: drover-ada starts h1 -> h2',
      '00:03:03 bob: drover-ada succeeded h1 -> h2',
      '00:04:00 ada: ada takes its share of the leases again: drover-ada has moved',
      '00:04:10 bob: c1: given back',
      '00:04:20 ada: c1: acting here from now on',
      '00:05:00 bob: bob gives its leases away, so that its VM drover-bob can go',
      '00:05:00 bob: c2: given back',
      '00:05:10 ada: c2: acting here from now on',
      '00:06:00 ada: drover-bob starts h1 -> h3',
      '00:06:03 ada: drover-bob succeeded h1 -> h3',
      '00:07:00 bob: bob takes its share of the leases again: drover-bob has moved',
      '00:07:20 ada: c1: given back',
      '00:07:20 bob: c1: acting here from now on',
    ]);
  });
});
