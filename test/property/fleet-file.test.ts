// Role: whatever snapshot there can be, saving and loading gives exactly the same again.
import fc from 'fast-check';
import { expect, it } from 'vitest';

import { formatFleet, parseFleet } from '../../src/config/fleet-file.ts';
import { CPU_VENDORS } from '../../src/domain/cpu.ts';
import { HOST_STATES } from '../../src/domain/host.ts';
import { clusterId, hostId, moveId, ruleId, sourceId, vmId } from '../../src/domain/ids.ts';
import {
  MISSING_REASONS,
  type Measured,
  type MetricWindow,
  type MissingReason,
  known,
  missing,
} from '../../src/domain/measured.ts';
import type { OwnVm } from '../../src/domain/own-vm.ts';
import { bytes, cores, epochSeconds, ratio, seconds } from '../../src/domain/units.ts';
import { CRITICALITIES, PERMISSIONS, POWER_STATES } from '../../src/domain/vm.ts';
import { aHost, aSnapshot, aVm } from '../support/fleet.ts';
import { aDependency, aFailoverReserve, aPreserve, aSpare } from '../support/rule-kinds.ts';

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((value) => {
  // oxlint-disable-next-line no-control-regex
  return !/[\u0000-\u001f\u007f]/u.test(value) && value !== '__proto__';
});
const amount = fc.integer({ min: 0, max: 2 ** 40 });
const fraction = fc.double({ min: 0, max: 64, noNaN: true }).map((value) => value + 0);
const reasons = Object.keys(MISSING_REASONS) as MissingReason[];

const measured: fc.Arbitrary<Measured> = fc.oneof(
  fc.tuple(fraction, fraction).map(([value, age]) => known(value, seconds(age))),
  fc.constantFrom(...reasons).map(missing),
);
const window: fc.Arbitrary<MetricWindow> = fc.record(
  { last: measured, mean: measured, p95: measured, slope: measured },
  { noNullPrototype: true },
);
const features = fc.option(
  fc.uniqueArray(text).map((all) => all.toSorted((a, b) => (a < b ? -1 : 1))),
  { nil: undefined },
);
const vendor = fc.option(fc.constantFrom(...CPU_VENDORS), { nil: undefined });
const labels = fc.dictionary(text, fc.string({ unit: 'grapheme', maxLength: 5 }), {
  maxKeys: 3,
  noNullPrototype: true,
});

const hostPart = fc.record({
  state: fc.constantFrom(...HOST_STATES),
  cluster: fc.option(text.map(clusterId), { nil: undefined }),
  cpu: fc.record({ vendor, features, coreSpeed: fc.constantFrom(ratio(0.5), ratio(1.25)) }),
  labels,
  metrics: fc.record(
    { 'cpu.used': window, temperature: window },
    { requiredKeys: ['cpu.used'], noNullPrototype: true },
  ),
});

const own = fc.constantFrom<(OwnVm | undefined)[]>(
  undefined,
  { roles: ['ledger', 'metrics'] },
  { roles: ['controller'], controller: 'ada', acting: 'alone' },
);

const vmPart = fc.record({
  name: text,
  memoryBytes: amount.map(bytes),
  hugePageBytes: fc.option(fc.constant(bytes(2 ** 21)), { nil: undefined }),
  cpu: fc.record({ vendor, features, nested: fc.boolean() }),
  criticality: fc.constantFrom(...CRITICALITIES),
  permission: fc.constantFrom(...PERMISSIONS),
  powerState: fc.constantFrom(...POWER_STATES),
  managedBy: fc.option(text, { nil: undefined }),
  labels,
  metrics: fc.record(
    { 'cpu.used': window, 'memory.dirty': window },
    { requiredKeys: [], noNullPrototype: true },
  ),
});

const snapshots = fc
  .record({
    takenAt: fraction.map(epochSeconds),
    hosts: fc.array(hostPart, { minLength: 1, maxLength: 4 }),
    vms: fc.array(fc.tuple(vmPart, own), { maxLength: 5 }),
    held: amount,
  })
  .map(({ takenAt, hosts, vms, held }) =>
    aSnapshot({
      takenAt,
      hosts: hosts.map((part, i) => aHost({ id: `h${i}`, ...part })),
      vms: vms.map(([part, one], i) =>
        aVm({ id: `v${i}`, host: 'h0', ...part, ...(one && { own: one }) }),
      ),
      placement:
        vms.length === 0
          ? []
          : [
              {
                id: ruleId('r'),
                kind: 'avoid',
                strength: 'soft',
                hold: 'finally',
                origin: 'somewhere:1',
                vms: [vmId('v0')],
                hosts: [hostId('h0')],
              },
              aPreserve('s', ['h0'], { memory: { amount: held + 1 }, cpu: { share: ratio(0.3) } }),
              aFailoverReserve('t', ['h0'], 2),
              aDependency('v', ['v0'], ['v0'], 'rack'),
              aSpare('u', ['h0']),
            ],
      reservations: [
        {
          move: moveId('m'),
          vm: vmId('x'),
          host: hostId('h0'),
          memoryBytes: bytes(held),
          cpu: cores(1),
        },
      ],
      lastMovedAt: { [vmId('v0')]: takenAt },
      sources: [
        {
          source: sourceId('lab'),
          state: 'late',
          lastAnswerAt: undefined,
          consecutiveFailures: 2,
          detail: '',
        },
      ],
    }),
  );

it('a saved fleet loads as exactly what it was', () => {
  fc.assert(
    fc.property(snapshots, (snapshot) => {
      const loaded = parseFleet(formatFleet(snapshot), 'fleet.json');
      expect(loaded.ok ? loaded.value.snapshot : loaded.error).toStrictEqual(snapshot);
    }),
  );
});
