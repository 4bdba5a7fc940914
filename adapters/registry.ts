/**
 * Every adapter by the name that the configuration uses, which is the name of its folder. Loaded
 * only when used: some bring native libraries along. A test compares this table with the folders.
 */

import type { Adapter } from './adapter.ts';

const LOADERS = {
  libvirt: async () => (await import('./libvirt/index.ts')).adapter,
  simulated: async () => (await import('./simulated/index.ts')).adapter,
} as const satisfies Record<string, () => Promise<Adapter>>;

export type AdapterName = keyof typeof LOADERS;

/** Sorted as listed to users. */
export const ADAPTER_NAMES: readonly AdapterName[] = ['libvirt', 'simulated'];

export function isAdapterName(name: string): name is AdapterName {
  return Object.hasOwn(LOADERS, name);
}

export function loadAdapter(name: AdapterName): Promise<Adapter> {
  return LOADERS[name]();
}
