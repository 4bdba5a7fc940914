/** What of its host's hardware a guest holds, and what else is served to it on that host alone. */

import type { StorageMap } from './storage-map.ts';
import type { Devices, DiskElement, DomainDocument, HostDeviceElement } from './xml/domain.ts';
import type { VmDevice } from '../../src/domain/vm.ts';

/** Types of disks whose data is a file, a block device or a network's: a matter of storage. */
const STORED_DISKS = new Set(['file', 'block', 'dir', 'network', 'volume']);

/** A disk that is a piece of the host (nvme), or served by a process on it (vhostuser). */
function hardwareDisk(disk: DiskElement): VmDevice[] {
  const { '@type': type, target } = disk;
  if (STORED_DISKS.has(type) || disk.source === undefined) return [];
  return [bound(`${type}:${target?.['@dev'] ?? ''}`)];
}

export function hardwareOf({ devices }: DomainDocument, storage: StorageMap): VmDevice[] {
  const passedThrough = devices.hostdev.map(
    (device): VmDevice => ({
      kind: deviceKind(device['@type']),
      id: deviceId(device),
      // libvirt unplugs a failover pair's device before the move and plugs one in after it.
      migratable: device.teaming?.['@type'] === 'transient',
    }),
  );
  const interfaces = devices.interface
    .filter((one) => one['@type'] === 'hostdev' || one['@type'] === 'vdpa')
    .map(
      (one): VmDevice => ({
        kind: one['@type'] === 'vdpa' ? 'vdpa' : 'sriov',
        id: one.source?.['@dev'] ?? 'interface',
        migratable: one.teaming?.['@type'] === 'transient',
      }),
    );
  const folders = devices.filesystem.map((one) =>
    bound(`filesystem:${one.target?.['@dir'] ?? ''}`),
  );
  const memory = devices.shmem.map((one) => bound(`shmem:${one['@name'] ?? ''}`));
  const disks = devices.disk.flatMap(hardwareDisk);
  const rest = [...tpms(devices), ...lastingMemory(devices, storage), ...hostPorts(devices)];
  return [...passedThrough, ...interfaces, ...folders, ...memory, ...disks, ...rest];
}

function bound(id: string): VmDevice {
  return { kind: 'other', id, migratable: false };
}

/** An emulated one has its state in files, and is the guest's own. */
function tpms({ tpm }: Devices): VmDevice[] {
  return tpm.flatMap(({ backend }) => {
    const type = backend?.['@type'];
    if (type === undefined || type === 'emulator') return [];
    return [bound(`tpm:${backend?.device?.['@path'] ?? type}`)];
  });
}

/** Memory that keeps what is in it (nvdimm, virtio-pmem): a file, or a piece of the host's own. */
function lastingMemory({ memory }: Devices, storage: StorageMap): VmDevice[] {
  return memory.flatMap(({ '@model': model, source }) => {
    const path = source?.path;
    if (path === undefined || storage.placeOfPath(path).shared) return [];
    return [bound(`${model ?? 'memory'}:${path}`)];
  });
}

/** A console is often the serial port once more. */
function hostPorts({ serial, parallel, console, channel }: Devices): VmDevice[] {
  const paths = [...serial, ...parallel, ...console, ...channel].flatMap((port) =>
    port['@type'] === 'dev' ? [port.source?.['@path'] ?? ''] : [],
  );
  return [...new Set(paths)].map((path) => bound(`dev:${path}`));
}

function deviceKind(type: string | undefined): VmDevice['kind'] {
  return type === 'pci' || type === 'usb' || type === 'mdev' ? type : 'other';
}

function deviceId({ source }: HostDeviceElement): string {
  const address = source?.address;
  if (address?.['@uuid'] !== undefined) return address['@uuid'];
  if (source?.vendor !== undefined) {
    return `${source.vendor['@id'] ?? ''}:${source.product?.['@id'] ?? ''}`;
  }
  const part = (value: string | undefined): string => (value ?? '').replace(/^0x/, '');
  const { '@domain': domain, '@bus': bus, '@slot': slot, '@function': fn } = address ?? {};
  return `${part(domain)}:${part(bus)}:${part(slot)}.${part(fn)}`;
}
