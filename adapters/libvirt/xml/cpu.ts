/** CPU descriptions as they stand in domain and domain-capability documents. */

import { z } from 'zod';

import { attribute, escapeXml, many, maybe, one, readDocument, text } from './document.ts';
import type { CpuLevel, CpuVendor } from '../../../src/domain/cpu.ts';
import { own } from '../../../src/domain/own.ts';

const feature = z.object({ '@name': z.string(), '@policy': attribute });

/** `<cpu>` of a guest, or `<mode name='host-model'>` of the capabilities: the same content. */
export const cpuElement = z.object({
  '@mode': attribute,
  '@check': attribute,
  '@migratable': attribute,
  model: maybe(text),
  vendor: maybe(text),
  feature: many(feature),
});
export type CpuElement = z.output<typeof cpuElement>;

/** The description as libvirt wants it back for comparing and expanding. */
export function cpuXml(cpu: CpuElement): string {
  const vendor = cpu.vendor === undefined ? '' : `<vendor>${escapeXml(cpu.vendor)}</vendor>`;
  const features = cpu.feature.map((one) => {
    const policy = escapeXml(one['@policy'] ?? 'require');
    return `<feature policy='${policy}' name='${escapeXml(one['@name'])}'/>`;
  });
  const model = `<model fallback='forbid'>${escapeXml(cpu.model ?? '')}</model>`;
  return `<cpu mode='custom' match='exact'>${model}${vendor}${features.join('')}</cpu>`;
}

const expanded = z.object({ cpu: one(cpuElement) });

/** The visible features of a description in which libvirt spelled all of them out, sorted. */
export function featuresOfExpanded(xml: string): string[] {
  const { cpu } = readDocument('expanded CPU', xml, expanded);
  return visibleFeatures(cpu);
}

/** Features that the element itself grants, sorted; without those of its model. */
export function visibleFeatures(cpu: CpuElement): string[] {
  const names = cpu.feature
    .filter((one) => one['@policy'] !== 'disable' && one['@policy'] !== 'forbid')
    .map((one) => one['@name']);
  return [...new Set(names)].sort(byText);
}

/** Ascending by code unit. */
export function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

const VENDORS: Readonly<Record<string, CpuVendor>> = {
  intel: 'intel',
  amd: 'amd',
  hygon: 'hygon',
  zhaoxin: 'zhaoxin',
  arm: 'arm',
  ibm: 'ibm',
};

/** Undefined for a vendor that Drover does not know: unknown is compatible with nothing. */
export function vendorOf(name: string | undefined): CpuVendor | undefined {
  return own(VENDORS, name?.toLowerCase() ?? '');
}

/**
 * What each level of the x86-64 psABI adds to the one before it, in libvirt's feature names.
 * Source: System V ABI, AMD64 supplement, table "Micro-Architecture Levels" (LZCNT is `abm`,
 * LAHF-SAHF `lahf_lm`, CMPXCHG16B `cx16`; OSXSAVE is the operating system's and not asked).
 */
const LEVEL_FEATURES: readonly (readonly [CpuLevel, readonly string[]])[] = [
  ['x86-64-v1', ['lm', 'cmov', 'cx8', 'fpu', 'fxsr', 'mmx', 'sse', 'sse2']],
  ['x86-64-v2', ['cx16', 'lahf_lm', 'popcnt', 'pni', 'sse4.1', 'sse4.2', 'ssse3']],
  ['x86-64-v3', ['avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'abm', 'movbe', 'xsave']],
  ['x86-64-v4', ['avx512f', 'avx512bw', 'avx512cd', 'avx512dq', 'avx512vl']],
];

/** The highest level whose features are all there; undefined where not even the first is. */
export function levelOf(features: readonly string[]): CpuLevel | undefined {
  const present = new Set(features);
  let reached: CpuLevel | undefined;
  for (const [level, needed] of LEVEL_FEATURES) {
    if (!needed.every((name) => present.has(name))) break;
    reached = level;
  }
  return reached;
}
