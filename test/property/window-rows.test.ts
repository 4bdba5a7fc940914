// Role: windows in columns read as what was put in, also on the far side of a structured clone.
import fc from 'fast-check';
import { expect, it } from 'vitest';

import { hearFleet, packed, tellFleet } from '../../src/app/fleet-parts.ts';
import { packInputs, unpackInputs } from '../../src/app/plan-inputs.ts';
import { heldWindow, known, missing, MISSING_REASONS } from '../../src/domain/measured.ts';
import { VM_METRICS, type VmMetric } from '../../src/domain/metrics.ts';
import { seconds } from '../../src/domain/units.ts';
import type { Vm } from '../../src/domain/vm.ts';
import { plainMetrics, WindowRows } from '../../src/domain/window-rows.ts';
import { aHost, aSnapshot, aVm } from '../support/fleet.ts';

const METRICS = Object.keys(VM_METRICS) as VmMetric[];
const REASONS = Object.keys(MISSING_REASONS) as (keyof typeof MISSING_REASONS)[];

const gap = fc.constantFrom(...REASONS).map(missing);
const window = fc.double({ min: 0, max: 1e6, noNaN: true }).chain((age) => {
  const one = fc.oneof(
    gap,
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => known(value, seconds(age))),
  );
  return fc.record({ last: one, mean: one, p95: one, slope: one });
});
const metrics = fc.record(Object.fromEntries(METRICS.map((name) => [name, window])), {
  requiredKeys: [],
  noNullPrototype: true,
}) as fc.Arbitrary<Vm['metrics']>;
const fleets = fc.array(metrics, { maxLength: 12 });

/** Every one but the third in columns. */
function vmsOf(all: readonly Vm['metrics'][]): readonly Vm[] {
  const rows = new WindowRows();
  return all.map((one, index) =>
    aVm({ id: `v${index}`, metrics: index % 3 === 2 ? one : rows.add(one) }),
  );
}

function plainly(vms: readonly Vm[]): readonly Vm['metrics'][] {
  return vms.map((vm) => plainMetrics(vm.metrics));
}

it('reads as what was put in, by name, as JSON and written out', () => {
  fc.assert(
    fc.property(fleets, (all) => {
      const vms = vmsOf(all);
      expect(plainly(vms)).toEqual(all);
      for (const [index, vm] of vms.entries()) {
        for (const name of METRICS) expect(vm.metrics[name]).toEqual(all[index]?.[name]);
        expect(JSON.stringify(vm.metrics)).toBe(JSON.stringify(inOrder(all[index] ?? {})));
      }
    }),
  );
});

/** As the table of the metrics has them, which is how the collector makes them. */
function inOrder(all: Vm['metrics']): Vm['metrics'] {
  return Object.fromEntries(METRICS.flatMap((name) => (all[name] ? [[name, all[name]]] : [])));
}

it('loses nothing on the way to another thread, whole or in part', () => {
  fc.assert(
    fc.property(fleets, fleets, (all, others) => {
      const hosts = [aHost()];
      const before = { hosts, vms: vmsOf(all) };
      const there = heard(undefined, before);
      expect(plainly(there.vms)).toEqual(all);
      const changed = vmsOf(others);
      const after = { hosts, vms: before.vms.map((vm, at) => changed[at - 1] ?? vm) };
      const renamed = { hosts, vms: after.vms.map((vm, at) => ({ ...vm, id: idOf(before, at) })) };
      expect(plainly(heard(there, renamed, before).vms)).toEqual(plainly(renamed.vms));
    }),
  );
});

type Fleet = Pick<ReturnType<typeof aSnapshot>, 'hosts' | 'vms'>;

function idOf({ vms }: Fleet, at: number): Vm['id'] {
  return vms[at]?.id ?? aVm().id;
}

function heard(there: Fleet | undefined, fleet: Fleet, before?: Fleet): Fleet {
  const { isWhole, parts } = tellFleet(fleet, before);
  return hearFleet(there, { isWhole, parts: parts.map((part) => structuredClone(packed(part))) });
}

it('is kept for a replay as plain objects', () => {
  fc.assert(
    fc.property(fleets, (all) => {
      const snapshot = aSnapshot({ hosts: [aHost()], vms: vmsOf(all) });
      const job = { snapshot, findings: [], seed: 1 };
      const { job: kept } = unpackInputs(packInputs(job as never));
      expect(kept.snapshot.vms.map((vm) => vm.metrics)).toEqual(all);
    }),
    { numRuns: 20 },
  );
});

it('takes more than fit into one array', () => {
  const rows = new WindowRows();
  const held = Array.from({ length: 2500 }, (_none, index) =>
    rows.add({ 'cpu.used': ofValue(index) }),
  );
  const values = held.map((one) => one['cpu.used']?.mean);
  expect(values).toEqual(held.map((_none, index) => known(index, seconds(1))));
  expect(held.every((one) => one['disk.used'] === undefined)).toBe(true);
});

it('leaves as it is what is of several ages, and overwrites what it had begun of it', () => {
  const rows = new WindowRows();
  const mixed = {
    'cpu.used': ofValue(1),
    'disk.used': { ...ofValue(2), last: known(3, seconds(9)) },
  };
  expect(rows.add(mixed)).toBe(mixed);
  expect(plainMetrics(rows.add({ 'memory.used': ofValue(4) }))).toEqual({
    'memory.used': ofValue(4),
  });
});

function ofValue(value: number) {
  return heldWindow(value, seconds(1));
}
