/**
 * The document of one domain. Of a running one it is the live document: it shows the machine type
 * and the CPU that the guest was really started with, all that check='full' found included.
 */

import { z } from 'zod';

import { cpuElement, type CpuElement } from './cpu.ts';
import { readMetadata, type Metadata } from './metadata.ts';
import {
  attribute,
  bytesOf,
  many,
  maybe,
  one,
  readDocument,
  size,
  text,
  whole,
} from './document.ts';

const anything = z.unknown();
const source = z.object({
  '@file': attribute,
  '@dev': attribute,
  '@dir': attribute,
  '@pool': attribute,
  '@volume': attribute,
  '@protocol': attribute,
  '@name': attribute,
  '@bridge': attribute,
  '@startupPolicy': attribute,
  '@network': attribute,
});
/** What an image builds upon, and that in turn; without a type: the end of the chain. */
export interface BackingElement {
  readonly '@type'?: string | undefined;
  readonly source: SourceElement | undefined;
  readonly backingStore: BackingElement | undefined;
}
const backing: z.ZodType<BackingElement> = z.lazy(() =>
  z.object({ '@type': attribute, source: maybe(source), backingStore: maybe(backing) }),
);
const disk = z.object({
  '@type': z.string(),
  '@device': attribute,
  driver: maybe(z.object({ '@type': attribute })),
  source: maybe(source.extend({ encryption: maybe(anything) })),
  /** Only a running guest's document is sure to tell. */
  backingStore: maybe(backing),
  encryption: maybe(anything),
  target: maybe(z.object({ '@dev': attribute })),
  mirror: maybe(anything),
  readonly: maybe(anything),
  shareable: maybe(anything),
  transient: maybe(anything),
});
const networkInterface = z.object({
  '@type': z.string(),
  source: maybe(source),
  teaming: maybe(z.object({ '@type': attribute })),
});
const address = z.object({
  '@domain': attribute,
  '@bus': attribute,
  '@slot': attribute,
  '@function': attribute,
  '@uuid': attribute,
});
const hostDevice = z.object({
  '@type': attribute,
  '@mode': attribute,
  teaming: maybe(z.object({ '@type': attribute })),
  source: maybe(
    z.object({
      address: maybe(address),
      vendor: maybe(z.object({ '@id': attribute })),
      product: maybe(z.object({ '@id': attribute })),
    }),
  ),
});
const tpmBackend = z.object({
  '@type': attribute,
  /** Of an emulated one: where its state lies. */
  source: maybe(z.object({ '@path': attribute })),
  /** Of one that is passed through. */
  device: maybe(z.object({ '@path': attribute })),
});
/** A port of the guest, and what is behind it on the host. */
const port = z.object({ '@type': attribute, source: maybe(z.object({ '@path': attribute })) });
const memoryDevice = z.object({
  '@model': attribute,
  source: maybe(z.object({ path: maybe(text) })),
});
/** Before libvirt 8.5 a path, since then a source, of which there may be others than files. */
const nvram = z.object({ '#text': z.string().default(''), source: maybe(source) });
const domain = z.object({
  domain: one(
    z.object({
      '@type': z.string(),
      name: one(text),
      uuid: one(text),
      title: maybe(text),
      metadata: maybe(z.record(z.string(), anything)),
      memory: one(size),
      vcpu: one(z.object({ '#text': whole, '@current': whole.optional() })),
      memoryBacking: maybe(
        z.object({
          hugepages: maybe(
            z.object({ page: many(z.object({ '@size': whole, '@unit': attribute })) }),
          ),
        }),
      ),
      os: one(
        z.object({
          '@firmware': attribute,
          type: one(z.object({ '@arch': attribute, '@machine': attribute, '#text': z.string() })),
          loader: maybe(z.object({ '@type': attribute })),
          nvram: maybe(nvram),
        }),
      ),
      cpu: maybe(cpuElement),
      launchSecurity: maybe(z.object({ '@type': attribute })),
      devices: maybe(
        z.object({
          emulator: maybe(text),
          disk: many(disk),
          interface: many(networkInterface),
          hostdev: many(hostDevice),
          filesystem: many(z.object({ target: maybe(z.object({ '@dir': attribute })) })),
          shmem: many(z.object({ '@name': attribute })),
          tpm: many(z.object({ backend: maybe(tpmBackend) })),
          memory: many(memoryDevice),
          serial: many(port),
          parallel: many(port),
          console: many(port),
          channel: many(port),
        }),
      ),
    }),
  ),
});

export type SourceElement = z.output<typeof source>;
export type Devices = NonNullable<z.output<typeof domain>['domain']['devices']>;
export type DiskElement = z.output<typeof disk>;
export type InterfaceElement = z.output<typeof networkInterface>;
export type HostDeviceElement = z.output<typeof hostDevice>;

/** Where the variables of a UEFI guest are. */
export interface Nvram {
  /** Undefined: in no file and on no block device of the host. */
  readonly path: string | undefined;
}

export interface DomainDocument {
  /** kvm, qemu or xen. */
  readonly type: string;
  readonly uuid: string;
  readonly name: string;
  readonly title: string | undefined;
  readonly memoryBytes: number;
  readonly vcpus: number;
  readonly arch: string | undefined;
  readonly machineType: string | undefined;
  readonly emulator: string | undefined;
  readonly firmware: { readonly uefi: boolean; readonly nvram: Nvram | undefined };
  readonly cpu: CpuElement | undefined;
  /** Page sizes in bytes; empty: huge pages of the host's default size; undefined: none. */
  readonly hugePages: readonly number[] | undefined;
  readonly launchSecurity: string | undefined;
  readonly devices: Devices;
  readonly metadata: Metadata;
}

const NO_DEVICES: Devices = {
  emulator: undefined,
  disk: [],
  interface: [],
  hostdev: [],
  filesystem: [],
  shmem: [],
  tpm: [],
  memory: [],
  serial: [],
  parallel: [],
  console: [],
  channel: [],
};

export function readDomain(xml: string): DomainDocument {
  const root = readDocument('domain', xml, domain).domain;
  const { os, devices = NO_DEVICES } = root;
  const pages = root.memoryBacking?.hugepages?.page;
  return {
    type: root['@type'],
    uuid: root.uuid,
    name: root.name,
    title: root.title,
    memoryBytes: root.memory,
    vcpus: root.vcpu['@current'] ?? root.vcpu['#text'],
    arch: os.type['@arch'],
    machineType: os.type['@machine'],
    emulator: devices.emulator,
    firmware: {
      uefi: os['@firmware'] === 'efi' || os.loader?.['@type'] === 'pflash',
      nvram: os.nvram && readNvram(os.nvram),
    },
    cpu: root.cpu,
    hugePages: pages?.map((page) => bytesOf(page['@size'], page['@unit'])),
    launchSecurity: root.launchSecurity?.['@type'],
    devices,
    metadata: readMetadata(root.metadata ?? {}),
  };
}

/** Undefined: none yet; libvirt makes it from its template when the guest is started. */
function readNvram({ '#text': written, source: from }: z.output<typeof nvram>): Nvram | undefined {
  const path = from?.['@file'] ?? from?.['@dev'] ?? (written.trim() || undefined);
  return path === undefined && from === undefined ? undefined : { path };
}
