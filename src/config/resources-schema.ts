/**
 * The form of `resources` in a policy. Amounts are plain numbers in the resource's unit, or with a
 * unit of their own ("80GiB", "25Gbps") where that is the resource's. What is left out is read as
 * most would mean it: hosts and VMs are asked under the resource's name, and `network` and `disk`
 * need what is measured of each VM.
 */

import type { z } from 'zod';
import { VM_METRICS, type VmMetric } from '../domain/metrics.ts';
import type { AmountSource, ResourceSpec } from '../domain/resource-spec.ts';
import { ORDINARY_RESOURCES, RESOURCE_UNITS, type ResourceUnit } from '../domain/resource.ts';
import { ratio } from '../domain/units.ts';
import { type Amount, amount } from './amount.ts';
import { choice, flag, group, list, name, number, share } from './fields.ts';
import { optional } from './options.ts';
import { selector } from './selector-schema.ts';

const METRICS = Object.keys(VM_METRICS) as VmMetric[]; // keys of that very table

/** Where an amount is read; one of the three. */
const sources = {
  amount: optional(amount, 'So much of it.'),
  label: optional(name('the name of a label'), 'As the number on a label says, times `each`.'),
  each: optional(amount, 'What 1 on the label stands for; default 1.'),
  declared: optional(flag(), 'true: as the adapter or the fleet file says under this name.'),
};

const has = group({
  hosts: optional(selector, 'Hosts that it is about; none: all. The nearest entry decides.'),
  ...sources,
  safetyCapacity: optional(
    share(),
    'Share of it that no target may exceed; default 100%, of cpu and memory as in limits.',
  ),
  overcommit: optional(
    number('a factor from 0.01 to 1000', { min: 0.01, max: 1000 }, ratio),
    'How often it is given out; default 1, of memory as in limits.',
  ),
});

const needs = group({
  vms: optional(selector, 'VMs that it is about; none: all. The nearest entry decides.'),
  ...sources,
  metric: optional(choice(METRICS), 'As measured.'),
  statistic: optional(choice(['mean', 'p95', 'last']), 'Of the metric; default mean.'),
  ifUnknown: optional(
    amount,
    'Taken where that is not known: the most that it can be. None: such a VM is not moved, and ' +
      'nobody who needs the resource is moved to its host.',
  ),
});

const entry = group({
  name: name('the name of a resource'),
  unit: optional(choice(RESOURCE_UNITS), 'Default number; of network and disk bytes/s.'),
  transient: optional(
    flag(),
    'true: held on both hosts while a VM moves, as memory is; false: a VM that is on its way ' +
      'counts on its target only. Default true; of network and disk false.',
  ),
  soft: optional(
    flag(),
    'true: a host that is emptied may fill others above its safetyCapacity, up to all that they ' +
      'have, where no host has the room below. Default false.',
  ),
  has: optional(list(has), 'What hosts have; default: what is declared of them.'),
  needs: optional(
    list(needs),
    'What VMs need; default: what is declared of them, and of network and disk what is measured.',
  ),
  imbalance: optional(
    number('a weight'),
    'What uneven use of it over the hosts counts in the objective; default 0.',
  ),
});

type Entry = z.output<typeof entry>;
type Source = z.output<typeof has> & Partial<Pick<z.output<typeof needs>, 'metric' | 'statistic'>>;

/** What is measured of each VM without a word about it. */
const MEASURED: Readonly<Record<string, VmMetric>> = { network: 'network.used', disk: 'disk.used' };

const METRIC_UNITS: Readonly<Record<string, ResourceUnit>> = { cores: 'number' };

function unitOf({ name: own, unit }: Entry): ResourceUnit {
  return unit ?? (Object.hasOwn(MEASURED, own) ? 'bytes/s' : 'number');
}

export const resourceEntry = entry.superRefine((spec, context) => {
  for (const { path, message } of faultsOf(spec)) {
    context.addIssue({ code: 'custom', message, path: [...path] });
  }
});

interface Fault {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

function faultsOf(spec: Entry): Fault[] {
  const unit = unitOf(spec);
  if (ORDINARY_RESOURCES.some((one) => one === spec.name)) return ordinaryFaults(spec);
  return [
    ...(spec.has ?? []).flatMap((one, i) => sourceFaults(one, unit, ['has', i])),
    ...(spec.needs ?? []).flatMap((one, i) => [
      ...sourceFaults(one, unit, ['needs', i]),
      ...unitFaults(one.ifUnknown, unit, ['needs', i, 'ifUnknown']),
    ]),
  ];
}

/** Of CPU and memory nobody has to be told what hosts have and VMs need. */
function ordinaryFaults(spec: Entry): Fault[] {
  const surplus = (['unit', 'transient', 'soft', 'needs', 'imbalance'] as const)
    .filter((key) => spec[key] !== undefined)
    .map((key) => ({ path: [key], message: `"${key}" does not go with ${spec.name}` }));
  const hosts = (spec.has ?? []).flatMap((one, i): Fault[] => {
    const path = ['has', i];
    const told = (['amount', 'label', 'each', 'declared'] as const)
      .filter((key) => one[key] !== undefined)
      .map((key) => ({ path: [...path, key], message: `"${key}" does not go with ${spec.name}` }));
    if (spec.name === 'memory') {
      const isLess = one.overcommit !== undefined && one.overcommit < 1;
      return isLess ? [...told, { path, message: 'an overcommit of memory is at least 1' }] : told;
    }
    if (one.overcommit === undefined) return told;
    return [...told, { path: [...path, 'overcommit'], message: '"overcommit" is not for cpu' }];
  });
  return [...surplus, ...hosts];
}

function sourceFaults(one: Source, unit: ResourceUnit, path: readonly PropertyKey[]): Fault[] {
  const given = (['amount', 'label', 'declared', 'metric'] as const).filter(
    (key) => one[key] !== undefined && one[key] !== false,
  );
  const faults = [
    ...unitFaults(one.amount, unit, [...path, 'amount']),
    ...unitFaults(one.each, unit, [...path, 'each']),
  ];
  const message = `one of amount, label, declared: true${path[0] === 'needs' ? ', metric' : ''}`;
  if (given.length !== 1) faults.push({ path, message: `expected ${message}` });
  if (one.each !== undefined && one.label === undefined) {
    faults.push({ path: [...path, 'each'], message: '"each" goes with label' });
  }
  if (one.metric === undefined) {
    if (one.statistic === undefined) return faults;
    return [...faults, { path: [...path, 'statistic'], message: '"statistic" goes with metric' }];
  }
  const measured = VM_METRICS[one.metric].unit;
  if ((METRIC_UNITS[measured] ?? measured) !== unit) {
    const told = `${one.metric} is measured in ${measured}, not in ${unit}`;
    faults.push({ path: [...path, 'metric'], message: told });
  }
  return faults;
}

function unitFaults(
  one: Amount | undefined,
  unit: ResourceUnit,
  path: readonly PropertyKey[],
): Fault[] {
  if (one?.unit === undefined || one.unit === unit) return [];
  return [{ path, message: `an amount in ${one.unit} of a resource in ${unit} (see unit)` }];
}

/** The resource with its defaults. @param origin `file:line`, for messages. */
export function resourceSpec(written: Entry, origin: string): ResourceSpec {
  const { name: own } = written;
  const metric = Object.hasOwn(MEASURED, own) ? MEASURED[own] : undefined;
  const isOrdinary = ORDINARY_RESOURCES.some((one) => one === own);
  const usual: AmountSource =
    metric === undefined ? { kind: 'declared' } : { kind: 'metric', metric, statistic: 'mean' };
  return {
    name: own,
    origin,
    unit: unitOf(written),
    transient: written.transient ?? metric === undefined,
    soft: written.soft ?? false,
    imbalance: written.imbalance ?? 0,
    has: (written.has ?? [{}]).map((one) => ({
      hosts: one.hosts,
      source: isOrdinary ? undefined : sourceOf(one),
      safety: one.safetyCapacity,
      overcommit: one.overcommit,
    })),
    needs:
      written.needs === undefined
        ? [{ vms: undefined, source: usual, ifUnknown: undefined }]
        : written.needs.map((one) => ({
            vms: one.vms,
            source: sourceOf(one),
            ifUnknown: one.ifUnknown?.value,
          })),
  };
}

function sourceOf(one: Partial<Source>): AmountSource {
  if (one.amount !== undefined) return { kind: 'amount', amount: one.amount.value };
  if (one.label !== undefined) {
    return { kind: 'label', label: one.label, each: one.each?.value ?? 1 };
  }
  if (one.metric === undefined) return { kind: 'declared' };
  return { kind: 'metric', metric: one.metric, statistic: one.statistic ?? 'mean' };
}
