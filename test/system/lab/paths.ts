// Role: names and places of a lab, for TypeScript; common.sh says the same for the shell scripts.
// Change both.
import { join } from 'node:path';

/** How hosts are numbered: 1, 2, 3, … */
export type HostNumber = number;

const NET_PREFIX = '10.77.0';
const ID = /^[a-z0-9]{1,10}$/;

export const SCRIPTS = import.meta.dirname;
/** Where labs leave their folders, each called LAB_PREFIX and its id. */
export const LAB_ROOTS = ['/run', '/var/lib'] as const;
export const LAB_PREFIX = 'drover-lab-';

export function checkedId(id: string): string {
  if (!ID.test(id)) throw new Error(`lab: the id must be 1 to 10 of a-z 0-9, not '${id}'`);
  return id;
}

export function runDir(id: string): string {
  return `/run/${LAB_PREFIX}${id}`;
}

export function varDir(id: string): string {
  return `/var/lib/${LAB_PREFIX}${id}`;
}

export function guestDir(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? '/var/cache', 'drover-lab');
}

export function hostDir(id: string, host: HostNumber): string {
  return join(varDir(id), `h${host}`);
}

/** Where the serial console of each guest on this host is written, as seen from outside. */
export function consoleDir(id: string, host: HostNumber): string {
  return join(hostDir(id, host), 'var/log/libvirt/console');
}

export function controlSocket(id: string, host: HostNumber, guest: string): string {
  return join(runDir(id), `h${host}`, 'run/libvirt/lab', `${guest}.ctl`);
}

/** How a controller outside the lab reaches the host's libvirtd. */
export function hostUri(id: string, host: HostNumber): string {
  return `qemu+unix:///system?socket=${runDir(id)}/h${host}/run/libvirt/libvirt-sock`;
}

/** How another host of the lab reaches it: the address of a peer-to-peer migration. */
export function hostPeerUri(host: HostNumber): string {
  return `qemu+tcp://${NET_PREFIX}.${10 + host}/system`;
}

export function hostName(id: string, host: HostNumber): string {
  return `drover-${id}-h${host}`;
}
