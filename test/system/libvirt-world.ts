// Role: a lab of real libvirt hosts as a world for the contract suite. Truth comes from virsh, the
// hosts' files and the guests' own heartbeats, never through the adapter.
import { LibvirtHypervisor } from '../../adapters/libvirt/hypervisor.ts';
import { libvirtOptions, type LibvirtOptions } from '../../adapters/libvirt/options.ts';
import { hostId, sourceId, vmId, type HostId, type VmId } from '../../src/domain/ids.ts';
import {
  bytesPerSecond,
  epochSeconds,
  MIB,
  seconds,
  type Seconds,
} from '../../src/domain/units.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { ContractWorld } from '../contract/contract-world.ts';
import { domainXml, guestUuid } from './lab/guest.ts';
import type { HeartbeatWatch } from './lab/heartbeats.ts';
import { type Lab, startLab } from './lab/lab.ts';
import { varDir } from './lab/paths.ts';
import { until } from './lab/shell.ts';

const SOURCE = sourceId('lab');
const GUESTS = ['vm1', 'vm2', 'misfit', 'own'] as const;
type GuestName = (typeof GUESTS)[number];

export const realClock: Clock = {
  now: () => epochSeconds(Date.now() / 1000),
  monotonic: () => seconds(performance.now() / 1000),
  sleep: (duration: Seconds) =>
    new Promise((resolve) => {
      setTimeout(resolve, duration * 1000);
    }),
};

/** What an operator would write about the lab. */
export function labOptions(lab: Lab): LibvirtOptions {
  return libvirtOptions.parse({
    hosts: lab.hosts.map((host) => ({
      id: `h${host.number}`,
      uri: host.uri,
      migrateUri: host.peerUri,
    })),
    // The hosts share one machine: its load is not theirs.
    cpuFrom: 'domains',
    memoryFrom: 'domains',
    sharedStorages: [{ id: 'shared', paths: [`${varDir(lab.id)}/shared`] }],
    callSeconds: 5,
    keepAlive: { intervalSeconds: 2, count: 3 },
    // The guests have neither an agent nor a power button.
    cold: { shutdownSeconds: 1, force: true },
  });
}

export class LibvirtWorld implements ContractWorld {
  readonly clock = realClock;
  readonly hosts = [hostId('h1'), hostId('h2')] as const;
  readonly vms: readonly [VmId, VmId];
  readonly misfit: ContractWorld['misfit'];
  readonly ownDisk: VmId;
  readonly busyBandwidth = bytesPerSecond(6 * MIB);
  readonly hypervisor: LibvirtHypervisor;
  readonly lab: Lab;
  readonly #watch: HeartbeatWatch;
  readonly #options: LibvirtOptions;
  readonly #busy = new Set<GuestName>();

  private constructor(lab: Lab, watch: HeartbeatWatch) {
    this.lab = lab;
    this.#watch = watch;
    this.#options = labOptions(lab);
    this.hypervisor = new LibvirtHypervisor(this.#options, { source: SOURCE, clock: realClock });
    this.vms = [this.idOf('vm1'), this.idOf('vm2')];
    this.ownDisk = this.idOf('own');
    this.misfit = { vm: this.idOf('misfit'), host: hostId('h3'), code: 'cpu-features' };
  }

  static async make(): Promise<LibvirtWorld> {
    const lab = await startLab({
      hosts: 3,
      fakeCpu: { host: 3, without: ['avx', 'avx2', 'fma', 'bmi1', 'bmi2'] },
      guests: [
        { name: 'vm1', host: 1, disk: 'shared', workingSetMiB: 32, labels: { tier: 'gold' } },
        { name: 'vm2', host: 2, workingSetMiB: 32, autostart: true },
        // libvirt itself lets this one onto a host without avx2
        { name: 'own', host: 1, disk: 'local' },
        { name: 'misfit', host: 1, cpu: 'qemu64,+avx2', cpuCheck: 'partial' },
      ],
    });
    return new LibvirtWorld(lab, await lab.watchHeartbeats());
  }

  idOf(name: GuestName): VmId {
    return vmId(guestUuid(this.lab.id, name));
  }

  run<T>(body: () => Promise<T>): Promise<T> {
    return body();
  }

  async settle(): Promise<void> {
    await this.restoreMigrationLink();
    for (const host of this.lab.hosts) {
      await host.linkRate('none');
      await host.daemonThaw();
    }
    for (const name of GUESTS) {
      await this.#stopMigration(name);
      await this.#runOnce(name);
      if (this.#busy.has(name)) await this.setBusy(this.idOf(name), false);
    }
  }

  async truth(vm: VmId) {
    const name = this.#nameOf(vm);
    const ids = (numbers: readonly number[]): HostId[] => numbers.map((one) => hostId(`h${one}`));
    return {
      runningOn: ids(await this.lab.whereIs(name)),
      definedOn: ids(this.lab.definedOn(name)),
      boot: (await this.#watch.guest(name)).boot,
    };
  }

  async secondClient(): Promise<LibvirtHypervisor> {
    return new LibvirtHypervisor(this.#options, { source: SOURCE, clock: realClock });
  }

  async setBusy(vm: VmId, busy: boolean): Promise<void> {
    const name = this.#nameOf(vm);
    const line = busy ? 'dirty 60' : 'dirty 0';
    // A guest that has just arrived sometimes misses the first character.
    await this.lab.ctl(name, line).catch(() => this.lab.ctl(name, line));
    if (busy) this.#busy.add(name);
    else this.#busy.delete(name);
  }

  async moveByHand(vm: VmId, to: HostId): Promise<void> {
    await this.lab.migrate(this.#nameOf(vm), numberOf(to));
  }

  cutControl(host: HostId): Promise<void> {
    return this.lab.host(numberOf(host)).daemonFreeze();
  }

  restoreControl(host: HostId): Promise<void> {
    return this.lab.host(numberOf(host)).daemonThaw();
  }

  async cutMigrationLink(): Promise<void> {
    for (const host of this.lab.hosts) await host.linkDown();
  }

  async restoreMigrationLink(): Promise<void> {
    for (const host of this.lab.hosts) await host.linkUp();
  }

  dispose(): Promise<void> {
    return this.lab.stop();
  }

  #nameOf(vm: VmId): GuestName {
    const name = GUESTS.find((one) => this.idOf(one) === vm);
    if (name === undefined) throw new Error(`the lab has no guest ${vm}`);
    return name;
  }

  async #stopMigration(name: GuestName): Promise<void> {
    for (const host of this.lab.hosts) await host.tryVirsh(['domjobabort', name]);
    await until(`${name} to be on one host`, async () => {
      return this.lab.qemuOn(name).length <= 1 ? true : undefined;
    });
  }

  /** Running and defined on one of the two hosts, and nowhere else. */
  async #runOnce(name: GuestName): Promise<void> {
    const [running] = await this.lab.whereIs(name);
    const home = running ?? 1;
    for (const host of this.lab.hosts) {
      if (host.number !== home) await host.tryVirsh(['undefine', name]);
    }
    if (!this.lab.definedOn(name).includes(home)) {
      const xml = domainXml(this.lab.id, this.lab.guest(name)).replaceAll('\n', ' ');
      await this.lab.host(home).exec('sh', '-c', 'echo "$0" >/tmp/d.xml', xml);
      await this.lab.host(home).virsh('define', '/tmp/d.xml');
    }
    if (running === undefined) {
      await this.lab.host(home).virsh('start', name);
      await this.lab.waitBooted(name);
    }
    if (home === 3) await this.lab.migrate(name, 1);
  }
}

function numberOf(host: HostId): number {
  return Number(host.slice(1));
}
