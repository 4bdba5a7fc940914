/** The documents in which a host says what it is and what it can run. */

import { z } from 'zod';

import { cpuElement, type CpuElement } from './cpu.ts';
import { attribute, bytesOf, many, maybe, one, readDocument, text, whole } from './document.ts';

const pages = z.object({ '@unit': attribute, '@size': whole, '#text': whole });
const processor = z.object({
  '@socket_id': attribute,
  '@die_id': attribute,
  '@core_id': attribute,
});
const cell = z.object({
  pages: many(pages),
  cpus: maybe(z.object({ cpu: many(processor) })),
});
const machine = z.object({ '#text': z.string(), '@canonical': attribute });
const guestDomain = z.object({
  '@type': z.string(),
  emulator: maybe(text),
  machine: many(machine),
});
const guest = z.object({
  os_type: maybe(text),
  arch: one(
    z.object({
      '@name': z.string(),
      emulator: maybe(text),
      machine: many(machine),
      domain: many(guestDomain),
    }),
  ),
});
const hostCpu = z.object({
  arch: one(text),
  model: maybe(text),
  vendor: maybe(text),
  feature: many(z.object({ '@name': z.string() })),
});
const capabilities = z.object({
  capabilities: one(
    z.object({
      host: one(
        z.object({
          cpu: one(hostCpu),
          topology: maybe(z.object({ cells: one(z.object({ cell: many(cell) })) })),
        }),
      ),
      guest: many(guest),
    }),
  ),
});

export interface HugePagePool {
  readonly pageBytes: number;
  readonly totalBytes: number;
}

/** One way to run guests of the host's own architecture. */
export interface GuestPlatform {
  /** kvm, qemu or xen. */
  readonly type: string;
  readonly emulator: string | undefined;
}

export interface HostCapabilities {
  readonly arch: string;
  /** As the daemon reads the real CPU: guests may get less, or under emulation something else. */
  readonly cpu: { readonly model: string | undefined; readonly vendor: string | undefined };
  readonly cpuFeatures: readonly string[];
  /** Undefined where the topology is not told. */
  readonly processors:
    | { readonly sockets: number; readonly cores: number; readonly threads: number }
    | undefined;
  readonly numaCells: number;
  readonly hugePages: readonly HugePagePool[];
  /** Machine types of the host's own architecture, aliases included, sorted. */
  readonly machineTypes: readonly string[];
  readonly platforms: readonly GuestPlatform[];
}

export function readCapabilities(xml: string): HostCapabilities {
  const { host, guest: guests } = readDocument('capabilities', xml, capabilities).capabilities;
  const cells = host.topology?.cells.cell ?? [];
  const arch = host.cpu.arch;
  const own = guests.map((one) => one.arch).filter((one) => one['@name'] === arch);
  const machines = own
    .flatMap((one) => [one, ...one.domain])
    .flatMap((one) => one.machine)
    .flatMap((one) => [one['#text'], one['@canonical'] ?? one['#text']]);
  return {
    arch,
    cpu: { model: host.cpu.model, vendor: host.cpu.vendor },
    cpuFeatures: host.cpu.feature.map((one) => one['@name']).sort(),
    processors: processorsOf(cells),
    numaCells: cells.length,
    hugePages: hugePagesOf(cells),
    machineTypes: [...new Set(machines)].sort(),
    platforms: own.flatMap((one) =>
      one.domain.map((domain) => ({
        type: domain['@type'],
        emulator: domain.emulator ?? one.emulator,
      })),
    ),
  };
}

type Cell = z.output<typeof cell>;

function processorsOf(cells: readonly Cell[]): HostCapabilities['processors'] {
  const all = cells.flatMap((one) => one.cpus?.cpu ?? []);
  if (all.length === 0 || all.some((one) => one['@core_id'] === undefined)) return undefined;
  const sockets = new Set(all.map((one) => one['@socket_id']));
  const cores = new Set(
    all.map((one) => `${one['@socket_id']}/${one['@die_id']}/${one['@core_id']}`),
  );
  return { sockets: sockets.size, cores: cores.size, threads: all.length };
}

/** The page size that is not huge: of the architectures that libvirt runs on, at most 64 KiB. */
const ORDINARY_PAGE_BYTES_MAX = 64 * 1024;

function hugePagesOf(cells: readonly Cell[]): HugePagePool[] {
  const totals = new Map<number, number>();
  for (const one of cells.flatMap((every) => every.pages)) {
    const pageBytes = bytesOf(one['@size'], one['@unit']);
    if (pageBytes <= ORDINARY_PAGE_BYTES_MAX) continue;
    totals.set(pageBytes, (totals.get(pageBytes) ?? 0) + pageBytes * one['#text']);
  }
  return [...totals]
    .map(([pageBytes, totalBytes]) => ({ pageBytes, totalBytes }))
    .filter((pool) => pool.totalBytes > 0)
    .sort((a, b) => a.pageBytes - b.pageBytes);
}

const named = z.object({ '@usable': attribute, '@vendor': attribute, '#text': z.string() });
const mode = z.object({
  ...cpuElement.shape,
  '@name': z.string(),
  '@supported': attribute,
  model: many(named),
});
const domainCapabilities = z.object({
  domainCapabilities: one(
    z.object({
      path: maybe(text),
      domain: maybe(text),
      machine: maybe(text),
      cpu: maybe(z.object({ mode: many(mode) })),
    }),
  ),
});

export interface GuestCapabilities {
  readonly emulator: string | undefined;
  /** What a guest with host-model is given here: the most that can be moved. */
  readonly hostModel: CpuElement | undefined;
  /** Vendor of each named model, as far as it has one. */
  readonly vendors: ReadonlyMap<string, string>;
}

export function readDomainCapabilities(xml: string): GuestCapabilities {
  const document = readDocument('domain capabilities', xml, domainCapabilities);
  const { path, cpu } = document.domainCapabilities;
  const offered = (cpu?.mode ?? []).filter((one) => one['@supported'] !== 'no');
  const hostModel = offered.find((one) => one['@name'] === 'host-model');
  const models = offered.find((one) => one['@name'] === 'custom')?.model ?? [];
  return {
    emulator: path,
    hostModel:
      hostModel === undefined
        ? undefined
        : { ...hostModel, model: hostModel.model.at(0)?.['#text'] },
    vendors: new Map(models.map((one) => [one['#text'], one['@vendor'] ?? 'unknown'])),
  };
}
