/**
 * The processors of the simulated fleet: two vendors, three generations each, every generation
 * with all features of the one before. Feature names as QEMU and libvirt write them; the lists are
 * the ones that decide migrations in practice, not complete.
 */

import { compareText } from '../domain/ids.ts';
import type { CpuLevel, CpuVendor } from '../domain/cpu.ts';

export interface CpuGeneration {
  readonly vendor: CpuVendor;
  readonly model: string;
  readonly level: CpuLevel;
  readonly coreSpeed: number;
  readonly features: readonly string[];
}

const COMMON_V3 = (
  'abm adx aes avx avx2 bmi1 bmi2 cx16 f16c fma fsgsbase lahf_lm lm movbe nx pclmuldq pdpe1gb ' +
  'popcnt rdrand rdseed rdtscp smap smep sse3 sse4.1 sse4.2 ssse3 xsave xsavec xsaveopt'
).split(' ');
const AVX512 = ['avx512bw', 'avx512cd', 'avx512dq', 'avx512f', 'avx512vl'];
const AVX512_NEW = ['avx512-vpopcntdq', 'avx512bitalg', 'avx512vbmi', 'avx512vbmi2', 'avx512vnni'];
const CRYPTO = ['gfni', 'sha-ni', 'vaes', 'vpclmulqdq'];

const SKYLAKE = [...COMMON_V3, ...AVX512, 'erms', 'invpcid', 'pcid', 'pku'];
const ICELAKE = [...SKYLAKE, ...AVX512_NEW, ...CRYPTO, 'fsrm', 'rdpid'];
const SAPPHIRE = [...ICELAKE, 'amx-bf16', 'amx-int8', 'amx-tile', 'avx-vnni', 'avx512-bf16'];
const ROME = [...COMMON_V3, 'clzero', 'perfctr_core', 'sha-ni', 'sse4a', 'wbnoinvd', 'xsaveerptr'];
const MILAN = [...ROME, 'erms', 'fsrm', 'invpcid', 'pcid', 'pku', 'vaes', 'vpclmulqdq'];
const GENOA = [...MILAN, ...AVX512, ...AVX512_NEW, 'avx512-bf16', 'gfni'];

/** Oldest first: a guest of an older generation runs on each later one of the same vendor. */
export const CPU_GENERATIONS = {
  intel: [
    generation('intel', 'Skylake-Server', 'x86-64-v4', 0.9, SKYLAKE),
    generation('intel', 'Icelake-Server', 'x86-64-v4', 1, ICELAKE),
    generation('intel', 'SapphireRapids', 'x86-64-v4', 1.15, SAPPHIRE),
  ],
  amd: [
    generation('amd', 'EPYC-Rome', 'x86-64-v3', 0.95, ROME),
    generation('amd', 'EPYC-Milan', 'x86-64-v3', 1.05, MILAN),
    generation('amd', 'EPYC-Genoa', 'x86-64-v4', 1.2, GENOA),
  ],
} as const;

// oxlint-disable-next-line max-params -- one row of the table above
function generation(
  vendor: CpuVendor,
  model: string,
  level: CpuLevel,
  coreSpeed: number,
  features: readonly string[],
): CpuGeneration {
  return { vendor, model, level, coreSpeed, features: features.toSorted(compareText) };
}
