// Role: which clusters a controller asks to have together, and for how long.
import { beforeEach, describe, expect, it } from 'vitest';

import { LeaseNeeds, type LeftOpen } from '../../../src/app/lease-needs.ts';
import { clusterId, hostId, vmId } from '../../../src/domain/ids.ts';
import type { RefusalCode } from '../../../src/domain/refusal.ts';
import { aFinding, aHost, aSnapshot, aVm } from '../../support/fleet.ts';

const hosts = ['c1', 'c2', 'c3'].map((cluster, index) =>
  aHost({ id: `h${index + 1}`, cluster: clusterId(cluster) }),
);
const snapshot = aSnapshot({ hosts, vms: [aVm({ id: 'shop', host: 'h1' })] });
const EMPTIED = aFinding('evacuate', { host: 'h1', tier: 'mandatory' });

let asked: readonly (readonly string[])[] = [];
let needs: LeaseNeeds;

beforeEach(() => {
  asked = [];
  needs = new LeaseNeeds({
    askFor: (together) => {
      asked = together;
    },
  });
});

/** What the plan leaves open about the VM: why it goes to h2 and to h3. */
function left(codes: readonly RefusalCode[], finding = EMPTIED): LeftOpen {
  const pairs = codes.map((code, index) => {
    return { code, vm: vmId('shop'), host: hostId(`h${index + 2}`), detail: '' };
  });
  const subject = { kind: 'vm', vm: vmId('shop') } as const;
  const open = { subject, finding: finding.id, code: codes[0] ?? 'memory', detail: '', pairs };
  return { snapshot, findings: [finding], result: { report: { unresolved: [open] } } };
}

describe('a controller', () => {
  it('asks for the cluster that its VM could go to, beside the one that it is in', () => {
    needs.look(left(['other-controller', 'memory']));
    expect(asked).toEqual([['c1', 'c2']]);
  });

  it('goes on asking until nothing is left open: else both would be parted again', () => {
    needs.look(left(['other-controller', 'memory']));
    needs.look(left(['memory', 'memory']));
    expect(asked).toEqual([['c1', 'c2']]);
    needs.look({ ...left([]), result: undefined });
    expect(asked).toEqual([['c1', 'c2']]);
    needs.look({ ...left([]), result: { report: { unresolved: [] } } });
    expect(asked).toEqual([]);
  });

  it('asks for nothing where the other would not help, or for what may wait', () => {
    needs.look(left(['memory', 'pin']));
    expect(asked).toEqual([]);
    const wish = aFinding('relieve', { host: 'h1', tier: 'corrective' });
    needs.look(left(['other-controller', 'other-controller'], wish));
    expect(asked).toEqual([]);
  });
});
