// Role: names from outside that every plain object answers to (`constructor`, `__proto__`): they
// are names like any other.
import { describe, expect, it } from 'vitest';

import { bytesOf } from '../../../adapters/libvirt/xml/document.ts';
import { vendorOf } from '../../../adapters/libvirt/xml/cpu.ts';
import { LABELS_NAMESPACE, readMetadata } from '../../../adapters/libvirt/xml/metadata.ts';
import { modesOf } from '../../../src/app/modes.ts';
import { clusterId } from '../../../src/domain/ids.ts';
import { own } from '../../../src/domain/own.ts';
import { plan } from '../../../src/plan/plan.ts';
import {
  aFinding,
  aHost,
  aPolicy,
  aSnapshot,
  aVm,
  anAffinity,
  someLimits,
  someMigration,
  someWeights,
} from '../../support/fleet.ts';

const NAMES = ['constructor', '__proto__', 'toString', 'hasOwnProperty'];

describe.each(NAMES)('the name %s', (name) => {
  it('is not in a table that does not have it, and is in one that does', () => {
    expect(own({}, name)).toBeUndefined();
    expect(own(Object.fromEntries([[name, 1]]), name)).toBe(1);
  });

  it('of a cluster shows its mode', () => {
    const world = aSnapshot({ hosts: [aHost({ cluster: clusterId(name) })], vms: [] });
    const mode = { default: 'approve', clusters: {}, approve: [] } as const;
    expect(Object.entries(modesOf(world, aPolicy({ mode })))).toEqual([[name, 'approve']]);
  });

  it('of a fault domain that no host has is unknown, never the same', () => {
    const snapshot = aSnapshot({
      hosts: ['h1', 'h2', 'h3'].map((id) => aHost({ id })),
      vms: [aVm({ id: 'v1', host: 'h1' }), aVm({ id: 'v2', host: 'h2' })],
      placement: [anAffinity('r', ['v1', 'v2'], name)],
    });
    const { plan: made } = plan({
      snapshot,
      findings: [aFinding('evacuate', { host: 'h1' })],
      limits: someLimits(),
      migration: someMigration(),
      weights: someWeights(),
      seed: 1,
    });
    expect(made.moves).toEqual([]);
  });

  it('of a label on a libvirt guest is kept', () => {
    const item = { '@xmlns:d': LABELS_NAMESPACE, 'd:label': [{ '@name': name, '@value': 'x' }] };
    const { labels } = readMetadata({ 'd:labels': [item] });
    expect(Object.entries(labels)).toEqual([[name, 'x']]);
  });

  it('of a CPU vendor or a unit is not known', () => {
    expect(vendorOf(name)).toBeUndefined();
    expect(() => bytesOf(1, name)).toThrow('unknown unit');
  });
});
