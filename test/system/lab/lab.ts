// Role: the lab of real servers as system tests use it: libvirt hosts in namespaces of this machine
// and QEMU guests that really migrate between them. Everything a test asks here is test-side truth:
// it goes through virsh, /proc and the guests' own consoles, never through Drover.
import { randomBytes } from 'node:crypto';
import { createReadStream, lstatSync, statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import {
  completeGuest,
  diskPath,
  domainXml,
  type Guest,
  GuestRefusal,
  type GuestSpec,
  tellGuest,
} from './guest.ts';
import { type HeartbeatWatch, watchHeartbeats, type WatchOptions } from './heartbeats.ts';
import { LabHost } from './host.ts';
import { makeImage } from './images.ts';
import {
  isAbandoned,
  knownLabs,
  readRecord,
  thisProcess,
  updateRecord,
  writeRecord,
} from './lab-record.ts';
import { checkedId, controlSocket, hostDir, type HostNumber, runDir, SCRIPTS } from './paths.ts';
import { type Outcome, run, until } from './shell.ts';

export interface FakeCpu {
  readonly host: HostNumber;
  readonly without: readonly string[];
}

export interface LabSpec {
  /** 1 to 10 of a-z 0-9; default: random. */
  readonly id?: string;
  /** How many; they are numbered from 1. */
  readonly hosts: number;
  readonly guests?: readonly GuestSpec[];
  /** What every host says it has, so that tests see the same on every machine. */
  readonly hostMemoryMiB?: number;
  /** The machine's CPUs that each host says it has, such as `0`. Default: all of them. */
  readonly hostCpus?: string;
  readonly fakeCpu?: FakeCpu | readonly FakeCpu[];
  /** Every host has certificates, and moves no guest without. */
  readonly tls?: boolean;
  /** Stays up when this process ends, until somebody takes it down. */
  readonly keep?: boolean;
}

const HOST_MEMORY_MIB = 4096;
const BOOT_TIMEOUT_MS = 240_000;
/** A libvirtd that takes longer for a list is dead or frozen. */
const LIST_TIMEOUT_MS = 15_000;
const CONTROL_TIMEOUT_MS = 30_000;
/** One try of the guest's control line; the guest may be moving away under it. */
const CONTROL_TRY_MS = 3_000;

export class Lab {
  readonly id: string;
  readonly hosts: readonly LabHost[];
  readonly #guests = new Map<string, Guest>();
  readonly #watches = new Set<HeartbeatWatch>();

  constructor(id: string, hosts: number, guests: readonly Guest[] = []) {
    this.id = checkedId(id);
    this.hosts = Array.from({ length: hosts }, (_, index) => new LabHost(id, index + 1));
    for (const guest of guests) this.#guests.set(guest.name, guest);
  }

  host(host: HostNumber): LabHost {
    const found = this.hosts[host - 1];
    if (found === undefined) throw new Error(`lab ${this.id}: no host ${host}`);
    return found;
  }

  guest(name: string): Guest {
    const found = this.#guests.get(name);
    if (found === undefined) throw new Error(`lab ${this.id}: no guest ${name}`);
    return found;
  }

  get guestNames(): string[] {
    return [...this.#guests.keys()];
  }

  uri(host: HostNumber): string {
    return this.host(host).uri;
  }

  peerUri(host: HostNumber): string {
    return this.host(host).peerUri;
  }

  async virsh(host: HostNumber, args: readonly string[]): Promise<string> {
    return this.host(host).virsh(...args);
  }

  /** Defines (if persistent) and starts a guest; does not wait for its first heartbeat. */
  async addGuest(spec: GuestSpec): Promise<Guest> {
    const guest = completeGuest(spec, (this.#guests.size % this.hosts.length) + 1);
    this.#guests.set(guest.name, guest);
    updateRecord(this.id, { guests: [...this.#guests.values()] });
    await this.#makeDisk(guest);
    const file = join(runDir(this.id), `${guest.name}.xml`);
    await writeFile(file, domainXml(this.id, guest));
    const host = this.host(guest.host);
    if (guest.persistent) {
      await host.virsh('define', file);
      if (guest.autostart) await host.virsh('autostart', guest.name);
      await host.virsh('start', guest.name);
    } else {
      await host.virsh('create', file);
    }
    return guest;
  }

  /** Says something to the program in a guest, such as `burn 90`, and waits until it obeyed. */
  async ctl(name: string, line: string): Promise<void> {
    const obeyed = async (): Promise<true | undefined> => {
      const [host] = await this.whereIs(name);
      if (host === undefined) return undefined;
      try {
        await tellGuest(controlSocket(this.id, host, name), line, CONTROL_TRY_MS);
        return true;
      } catch (error) {
        if (error instanceof GuestRefusal) throw error;
        return undefined; // it may be moving: look again where it is
      }
    };
    await until(`${name} obeys '${line}'`, obeyed, { timeoutMs: CONTROL_TIMEOUT_MS });
  }

  /**
   * The hosts on which libvirt says the guest runs: one, unless something is badly wrong. A host
   * whose libvirtd is dead or frozen counts by its QEMU processes (and takes 15 s to be asked).
   */
  async whereIs(name: string): Promise<HostNumber[]> {
    const query = ['list', '--state-running', '--name'];
    const up = this.hosts.filter((host) => host.isUp());
    const lists = await Promise.all(
      up.map(async (host) => {
        const { code, stdout } = await host.tryVirsh(query, { timeoutMs: LIST_TIMEOUT_MS });
        return code === 0 ? stdout.split('\n') : undefined;
      }),
    );
    // where no libvirtd answers, a QEMU process is all there is to go by
    return up
      .filter((host, index) => (lists[index] ?? host.qemuGuests()).includes(name))
      .map((host) => host.number);
  }

  /**
   * The hosts on which the guest is defined, running or not, by libvirt's own files: so hosts that
   * are down count too, and would know the guest again when they boot.
   */
  definedOn(name: string): HostNumber[] {
    return this.#hostsWith(`${name}.xml`);
  }

  /** The hosts that would start the guest when they boot. */
  autostartOn(name: string): HostNumber[] {
    return this.#hostsWith(`autostart/${name}.xml`);
  }

  /** The hosts with a QEMU process of this guest, from /proc: true also when libvirtd is dead. */
  qemuOn(name: string): HostNumber[] {
    return this.hosts.filter((host) => host.qemuGuests().includes(name)).map((host) => host.number);
  }

  /** Waits for a heartbeat that comes after this call, on whichever host. */
  async waitBooted(name: string, timeoutMs: number = BOOT_TIMEOUT_MS): Promise<HostNumber> {
    const consoles = this.hosts.map(({ number, consoleDir }) => {
      const path = join(consoleDir, `${name}.log`);
      return { number, path, seen: statSync(path, { throwIfNoEntry: false })?.size ?? 0 };
    });
    const beats = async (): Promise<HostNumber | undefined> => {
      for (const { number, path, seen } of consoles) {
        if ((await textAfter(path, seen)).includes('HB name=')) return number;
      }
      return undefined;
    };
    return until(`a heartbeat of ${name}`, beats, { timeoutMs });
  }

  /** What the kernel in the guest shows as its machine's UUID, as it stands in the file. */
  async machineUuidOf(name: string): Promise<string> {
    const said = new RegExp(`^ID name=${name} uuid=(.*?)\\r?$`, 'm');
    for (const { consoleDir } of this.hosts) {
      const text = await textAfter(join(consoleDir, `${name}.log`), 0);
      const uuid = said.exec(text)?.[1];
      if (uuid !== undefined) return uuid;
    }
    throw new Error(`lab ${this.id}: ${name} has not said what machine it is`);
  }

  /** A peer-to-peer live migration by virsh, as an administrator would do it. */
  async migrate(name: string, to: HostNumber, extra: readonly string[] = []): Promise<void> {
    const outcome = await this.tryMigrate(name, to, extra);
    if (outcome.code !== 0) throw new Error(`lab: migrate ${name} to ${to}: ${outcome.stderr}`);
  }

  async tryMigrate(name: string, to: HostNumber, extra: readonly string[] = []): Promise<Outcome> {
    const [from] = await this.whereIs(name);
    if (from === undefined) throw new Error(`lab ${this.id}: ${name} runs nowhere`);
    // the definition goes along: the source must not start a second copy when it boots
    const carry = this.guest(name).persistent ? ['--persistent', '--undefinesource'] : [];
    const args = ['migrate', '--live', '--p2p', ...carry, ...extra, name, this.peerUri(to)];
    return this.host(from).tryVirsh(args, { timeoutMs: BOOT_TIMEOUT_MS });
  }

  /** Follows the heartbeats of all guests from now on, until stopped or the lab is. */
  async watchHeartbeats(options: WatchOptions = {}): Promise<HeartbeatWatch> {
    const watch = await watchHeartbeats(this.hosts, options);
    this.#watches.add(watch);
    return watch;
  }

  /** Takes the lab down: no process, namespace, mount or file of it is left. */
  async stop(): Promise<void> {
    await Promise.all([...this.#watches].map((watch) => watch.stop()));
    await takeDown(this.id);
  }

  #hostsWith(definition: string): HostNumber[] {
    const folder = (host: LabHost): string =>
      join(hostDir(this.id, host.number), 'etc/libvirt/qemu');
    // not existsSync: the autostart entry is a link whose target exists only inside the host
    const has = (host: LabHost): boolean =>
      lstatSync(join(folder(host), definition), { throwIfNoEntry: false }) !== undefined;
    return this.hosts.filter(has).map((host) => host.number);
  }

  async #makeDisk(guest: Guest): Promise<void> {
    const path = diskPath(this.id, guest);
    if (path === undefined) return;
    const outside = guest.disk === 'local' ? join(hostDir(this.id, guest.host), path) : path;
    await mkdir(dirname(outside), { recursive: true });
    await makeImage(outside, guest);
  }
}

async function textAfter(path: string, offset: number): Promise<string> {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) <= offset) return '';
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream(path, { start: offset })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('latin1');
}

async function prepareMachine(): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('lab: needs root, to make namespaces');
  try {
    await run(join(SCRIPTS, 'install.sh'), ['--check']);
  } catch (error) {
    throw new Error('lab: run test/system/lab/install.sh first', { cause: error });
  }
  await run(join(SCRIPTS, 'guest/build.sh'), []);
}

async function bringUp(lab: Lab, spec: LabSpec): Promise<void> {
  await run(join(SCRIPTS, 'host.sh'), [lab.id, 'net-up']);
  const lesser = new Map([spec.fakeCpu ?? []].flat().map(({ host, without }) => [host, without]));
  await Promise.all(
    lab.hosts.map(async (host) => {
      await host.fakeCpu(lesser.get(host.number) ?? []);
      await host.fakeMemory(spec.hostMemoryMiB ?? HOST_MEMORY_MIB);
      await host.fakeCpus(spec.hostCpus);
      if (spec.tls === true) await host.certify();
      await host.start();
    }),
  );
  await Promise.all(lab.guestNames.map((name) => lab.addGuest(lab.guest(name))));
  await Promise.all(lab.guestNames.map((name) => lab.waitBooted(name)));
}

/** Brings a lab up; returns when every guest has sent a heartbeat. */
export async function startLab(spec: LabSpec): Promise<Lab> {
  await prepareMachine();
  await sweepAbandonedLabs();
  const id = checkedId(spec.id ?? `t${randomBytes(3).toString('hex')}`);
  await takeDown(id);
  const guests = (spec.guests ?? []).map((guest, index) =>
    completeGuest(guest, (index % spec.hosts) + 1),
  );
  const owner = spec.keep === true ? undefined : thisProcess();
  writeRecord(id, { hosts: spec.hosts, guests, owner });
  const lab = new Lab(id, spec.hosts, guests);
  try {
    await bringUp(lab, spec);
  } catch (error) {
    await takeDown(id);
    throw error;
  }
  return lab;
}

/** A lab that another process has brought up, such as up.ts. */
export function attachLab(id: string): Lab {
  const record = readRecord(checkedId(id));
  if (record === undefined) throw new Error(`lab ${id}: is not up`);
  return new Lab(id, record.hosts, record.guests);
}

export async function takeDown(id: string): Promise<void> {
  await run(join(SCRIPTS, 'host.sh'), [checkedId(id), 'down']);
}

/** Takes down the labs whose makers died without doing it. */
export async function sweepAbandonedLabs(): Promise<string[]> {
  const abandoned = knownLabs().filter(isAbandoned);
  await Promise.all(abandoned.map(takeDown));
  return abandoned;
}
