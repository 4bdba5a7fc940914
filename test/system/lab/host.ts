// Role: one host of the lab as tests handle it: its addresses, its power switch, its cable, its
// daemon, and virsh on it. The work is done by host.sh; what is here only names it.
import { join } from 'node:path';

import {
  consoleDir,
  hostName,
  type HostNumber,
  hostPeerUri,
  hostUri,
  runDir,
  SCRIPTS,
} from './paths.ts';
import { argumentsOf, processesBeside, recordedPid } from './processes.ts';
import { type Outcome, run, type RunOptions, tryRun } from './shell.ts';

/** Longer than libvirt's own 30 s wait for a guest that is busy with another job. */
const VIRSH_TIMEOUT_MS = 60_000;

export class LabHost {
  readonly number: HostNumber;
  /** For a controller outside the lab, such as Drover. */
  readonly uri: string;
  /** For another host of the lab: the destination of a peer-to-peer migration. */
  readonly peerUri: string;
  /** The same encrypted, where both have certificates. */
  readonly tlsUri: string;
  readonly name: string;
  readonly consoleDir: string;
  readonly #id: string;

  constructor(id: string, host: HostNumber) {
    this.#id = id;
    this.number = host;
    this.uri = hostUri(id, host);
    this.peerUri = hostPeerUri(host);
    this.name = hostName(id, host);
    this.tlsUri = `qemu+tls://${this.name}/system?pkipath=/etc/libvirt/pki`;
    this.consoleDir = consoleDir(id, host);
  }

  /** Boots it: an empty /run, then libvirtd, which starts the guests with autostart. */
  async start(): Promise<void> {
    await this.#do('start');
  }

  /** libvirtd ends politely, everything else at once. */
  async stop(): Promise<void> {
    await this.#do('stop');
  }

  /** A power cut: every process of the host dies at once. */
  async crash(): Promise<void> {
    await this.#do('crash');
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** kill -9 of libvirtd; the guests go on. */
  async daemonKill(): Promise<void> {
    await this.#do('daemon-kill');
  }

  async daemonStart(): Promise<void> {
    await this.#do('daemon-start');
  }

  /** libvirtd answers nothing any more, and closes nothing; the guests go on. */
  async daemonFreeze(): Promise<void> {
    await this.#do('daemon-freeze');
  }

  async daemonThaw(): Promise<void> {
    await this.#do('daemon-thaw');
  }

  /** The whole host hangs, guests included. */
  async freeze(): Promise<void> {
    await this.#do('freeze');
  }

  async thaw(): Promise<void> {
    await this.#do('thaw');
  }

  async linkDown(): Promise<void> {
    await this.#do('link-down');
  }

  async linkUp(): Promise<void> {
    await this.#do('link-up');
  }

  /** In tc's words, such as `200mbit`; `none` takes the limit away. Gone after a restart. */
  async linkRate(rate: string): Promise<void> {
    await this.#do('link-rate', rate);
  }

  /** From the next start on this host's CPU lacks these features; none: the truth. */
  async fakeCpu(without: readonly string[]): Promise<void> {
    await this.#do('fake-cpu', without.join(' '));
  }

  /** From the next start on; `undefined`: what the machine really has. */
  async fakeMemory(mib: number | undefined): Promise<void> {
    await this.#do('fake-memory', mib === undefined ? '' : String(mib));
  }

  /** The machine's CPUs that are online here, such as `0` or `0-1`; from the next start on. */
  async fakeCpus(online: string | undefined): Promise<void> {
    await this.#do('fake-cpus', online ?? '');
  }

  /** Certificates for its daemon and QEMU from its next start on; then no guest moves without. */
  async certify(): Promise<void> {
    await this.#do('certify');
  }

  isUp(): boolean {
    return this.#init() !== undefined;
  }

  /** A command inside the host. */
  async exec(...command: readonly string[]): Promise<string> {
    return run(join(SCRIPTS, 'host.sh'), [this.#id, 'exec', String(this.number), ...command]);
  }

  async virsh(...args: readonly string[]): Promise<string> {
    return run('virsh', this.#virshArgs(args), { timeoutMs: VIRSH_TIMEOUT_MS });
  }

  async tryVirsh(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return tryRun('virsh', this.#virshArgs(args), { timeoutMs: VIRSH_TIMEOUT_MS, ...options });
  }

  /** The names of the guests that have a QEMU process here, whatever libvirt says or not. */
  qemuGuests(): string[] {
    const init = this.#init();
    if (init === undefined) return [];
    return processesBeside(init).flatMap((pid) => {
      const [program = '', ...args] = argumentsOf(pid);
      if (!program.endsWith('qemu-system-x86_64')) return [];
      const name = /^guest=([^,]+)/.exec(args[args.indexOf('-name') + 1] ?? '');
      return name?.[1] === undefined ? [] : [name[1]];
    });
  }

  #init(): number | undefined {
    return recordedPid(join(runDir(this.#id), `h${this.number}`, 'init.pid'));
  }

  #virshArgs(args: readonly string[]): string[] {
    return ['-q', '-c', this.uri, ...args];
  }

  async #do(command: string, ...args: readonly string[]): Promise<void> {
    await run(join(SCRIPTS, 'host.sh'), [this.#id, command, String(this.number), ...args]);
  }
}
