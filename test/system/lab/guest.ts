// Role: one guest of the lab: what a test may ask for, its libvirt XML, and the line to the program
// that runs inside it (guest/guestd.c).
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { join } from 'node:path';

import { guestDir, type HostNumber, varDir } from './paths.ts';

/** The namespace of the labels in a domain's metadata; the libvirt adapter reads the same. */
export const LABELS_NAMESPACE = 'urn:drover:labels:1';

export interface GuestSpec {
  readonly name: string;
  /** Where it starts. Default: round robin. */
  readonly host?: HostNumber;
  readonly memoryMiB?: number;
  readonly vcpus?: number;
  /** `host-model`, `host-passthrough`, `maximum`, or a model with features: `qemu64,+avx2`. */
  readonly cpu?: string;
  /** libvirt's `check` of a named model: `partial` lets it onto a host that lacks a feature. */
  readonly cpuCheck?: 'none' | 'partial' | 'full';
  readonly dirtyMiBps?: number;
  readonly workingSetMiB?: number;
  /** Of one vCPU: 200 keeps two vCPUs busy. */
  readonly burnPercent?: number;
  readonly heartbeatMs?: number;
  /** `shared`: a file that all hosts see; `local`: one on its host, moved by copying it. */
  readonly disk?: 'none' | 'shared' | 'local';
  /** Of the image file; a shared one is raw. */
  readonly diskFormat?: 'raw' | 'qcow2';
  readonly diskMiB?: number;
  /** Random bytes at the disk's end, which the guest leaves alone: it writes the first 32 MiB. */
  readonly diskMarkMiB?: number;
  readonly diskKiBps?: number;
  /** Defined on its host, so that a crash of the host does not make libvirt forget it. */
  readonly persistent?: boolean;
  /** libvirt starts it when its host boots. Needs `persistent`. */
  readonly autostart?: boolean;
  /** Becomes <drover:labels> in its metadata. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly title?: string;
  readonly description?: string;
  readonly machine?: string;
  /** Devices beyond those of every guest, as libvirt's XML. */
  readonly moreDevices?: string;
}

type Optional = 'title' | 'description' | 'labels' | 'moreDevices';
export type Guest = Required<Omit<GuestSpec, Optional>> & Pick<GuestSpec, Optional>;

// Small and idle: the lab's machine emulates every guest, and may have two cores for all of it.
const DEFAULTS = {
  memoryMiB: 128,
  vcpus: 1,
  cpu: 'qemu64',
  cpuCheck: 'partial',
  dirtyMiBps: 0,
  workingSetMiB: 16,
  burnPercent: 0,
  heartbeatMs: 100,
  disk: 'none',
  diskFormat: 'raw',
  diskMiB: 64,
  diskMarkMiB: 0,
  diskKiBps: 0,
  persistent: true,
  autostart: false,
  machine: 'q35',
} as const;

export function completeGuest(spec: GuestSpec, fallbackHost: HostNumber): Guest {
  const guest = { host: fallbackHost, ...DEFAULTS, ...spec };
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/.test(guest.name)) {
    throw new Error(`lab: '${guest.name}' is no name for a guest`);
  }
  if (guest.autostart && !guest.persistent) {
    throw new Error(`lab: ${guest.name}: libvirt starts only persistent guests by itself`);
  }
  if (guest.disk === 'shared' && guest.diskFormat !== 'raw') {
    throw new Error(`lab: ${guest.name}: a shared disk is raw`);
  }
  return guest;
}

/** The same guest in the same lab has the same UUID, however often it is made. */
export function guestUuid(id: string, name: string): string {
  const hex = createHash('md5').update(`drover-lab-${id}-${name}`).digest('hex');
  const [a, b, c, d, e] = [
    [0, 8],
    [8, 12],
    [13, 16],
    [17, 20],
    [20, 32],
  ].map(([from, to]) => hex.slice(from, to));
  return `${a}-${b}-4${c}-8${d}-${e}`;
}

function escaped(text: string): string {
  const entities: Record<string, string> = {
    '<': '&lt;',
    '>': '&gt;',
    '&': '&amp;',
    '"': '&quot;',
  };
  return text.replace(/[<>&"]/g, (character) => entities[character] ?? character);
}

function cpuXml({ cpu, cpuCheck }: Guest): string {
  if (['host-model', 'host-passthrough', 'maximum'].includes(cpu)) return `<cpu mode="${cpu}"/>`;
  const [model = '', ...changes] = cpu.split(',');
  const features = changes.map((change) => {
    const policy = change.startsWith('-') ? 'disable' : 'require';
    return `<feature policy="${policy}" name="${escaped(change.replace(/^[+-]/, ''))}"/>`;
  });
  return (
    `<cpu mode="custom" match="exact" check="${cpuCheck}">` +
    `<model fallback="forbid">${escaped(model)}</model>${features.join('')}</cpu>`
  );
}

/** Where its disk lies: on the host that runs it, as libvirt there sees it. */
export function diskPath(id: string, guest: Guest): string | undefined {
  if (guest.disk === 'shared') return join(varDir(id), 'shared', `${guest.name}.img`);
  const end = guest.diskFormat === 'raw' ? 'img' : guest.diskFormat;
  return guest.disk === 'local' ? `/var/lib/libvirt/images/${guest.name}.${end}` : undefined;
}

function diskXml(id: string, guest: Guest): string {
  const path = diskPath(id, guest);
  if (path === undefined) return '';
  return (
    '<disk type="file" device="disk">' +
    `<driver name="qemu" type="${guest.diskFormat}" cache="none"/>` +
    `<source file="${escaped(path)}"/><target dev="vda" bus="virtio"/></disk>`
  );
}

function metadataXml({ labels, title, description }: Guest): string {
  const entries = Object.entries(labels ?? {}).map(
    ([name, value]) => `<drover:label name="${escaped(name)}" value="${escaped(value)}"/>`,
  );
  const metadata =
    `<metadata><drover:labels xmlns:drover="${LABELS_NAMESPACE}">` +
    `${entries.join('')}</drover:labels></metadata>`;
  return [
    title === undefined ? '' : `<title>${escaped(title)}</title>`,
    description === undefined ? '' : `<description>${escaped(description)}</description>`,
    entries.length === 0 ? '' : metadata,
  ].join('');
}

function kernelCommandLine(guest: Guest): string {
  const settings = {
    name: guest.name,
    hb: guest.heartbeatMs,
    dirty: guest.dirtyMiBps,
    ws: guest.workingSetMiB,
    burn: guest.burnPercent,
    disk: guest.diskKiBps,
  };
  const own = Object.entries(settings).map(([name, value]) => `lab.${name}=${value}`);
  // no_timer_check: an emulated CPU that gets too little of a busy machine fails that check, and
  // the kernel stops for it ("IO-APIC + timer doesn't work").
  const kernel = 'console=ttyS0 quiet loglevel=3 mitigations=off tsc=unstable no_timer_check';
  return [kernel, ...own].join(' ');
}

export function domainXml(id: string, guest: Guest): string {
  const files = guestDir();
  return `<domain type="qemu">
  <name>${guest.name}</name><uuid>${guestUuid(id, guest.name)}</uuid>
  ${metadataXml(guest)}
  <memory unit="MiB">${guest.memoryMiB}</memory><vcpu>${guest.vcpus}</vcpu>
  <os>
    <type arch="x86_64" machine="${escaped(guest.machine)}">hvm</type>
    <kernel>${escaped(files)}/vmlinuz</kernel><initrd>${escaped(files)}/initrd.gz</initrd>
    <cmdline>${escaped(kernelCommandLine(guest))}</cmdline>
  </os>
  <features><acpi/></features>${cpuXml(guest)}<clock offset="utc"/>
  <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    ${diskXml(id, guest)}${guest.moreDevices ?? ''}
    <controller type="usb" model="none"/>
    <serial type="file">
      <source path="/var/log/libvirt/console/${guest.name}.log" append="on"/><target port="0"/>
    </serial>
    <serial type="unix">
      <source mode="bind" path="/run/libvirt/lab/${guest.name}.ctl"/><target port="1"/>
    </serial>
    <memballoon model="virtio"><stats period="2"/></memballoon>
  </devices>
</domain>
`;
}

/** The guest heard and will not: asking again is of no use. */
export class GuestRefusal extends Error {}

/** Says one line to the program in the guest and waits until it obeyed. */
export async function tellGuest(
  socketPath: string,
  line: string,
  timeoutMs: number,
): Promise<void> {
  const socket = createConnection(socketPath);
  const signal = AbortSignal.timeout(timeoutMs);
  let answer = '';
  socket.setEncoding('latin1');
  try {
    await once(socket, 'connect', { signal });
    socket.write(`${line}\n`);
    while (!answer.includes('\n')) {
      const [chunk] = (await once(socket, 'data', { signal })) as [string];
      answer += chunk;
    }
  } finally {
    socket.destroy();
  }
  const said = answer.split('\n', 1)[0] ?? '';
  if (!said.startsWith('ok ')) throw new GuestRefusal(`lab: '${line}': the guest says '${said}'`);
}
