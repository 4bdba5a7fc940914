// Role: what is judged of a guest that is started anew on its target, by a cold move or a restart:
// the definition that it is started from, which may be another than what it ran with.
import { describe, expect, it } from 'vitest';

import type { HostSurvey } from '../../../../adapters/libvirt/host-survey.ts';
import { ERROR, XML } from '../../../../adapters/libvirt/native/constants.ts';
import type { LibvirtOptionsInput } from '../../../../adapters/libvirt/options.ts';
import { precheckMove, precheckRestart } from '../../../../adapters/libvirt/precheck.ts';
import { networkId, storageId, vmId } from '../../../../src/domain/ids.ts';
import { aMoveOrder } from '../../../support/plans.ts';
import { GuestSession } from './fake-guest.ts';
import { diskXml, FakeHost, missing } from './fake-host.ts';
import { guestXml, survey, UUID } from './samples.ts';

const SIGNAL = new AbortController().signal;
const ORDER = aMoveOrder({ vm: vmId(UUID), method: 'cold' });
const INPUT = {
  sharedStorages: [
    { id: 'nfs', paths: ['/srv'] },
    { id: 'elsewhere', paths: ['/else'], hosts: ['h1'] },
    { id: 'state', paths: ['/var/lib/libvirt/swtpm/'] },
  ],
};

/** A guest whose stored definition is not what it runs with; without documents: no guest. */
class Session extends GuestSession {
  checkpoints = (): Promise<number> => Promise.resolve(0);
  readonly #stored: string;

  constructor(live?: string, stored = live) {
    super(live === undefined ? {} : { [UUID]: live }, []);
    this.#stored = stored ?? '';
    this.running = live !== undefined;
  }

  override async text(name: string, ...args: readonly unknown[]): Promise<string> {
    const isStored = name === 'virDomainGetXMLDesc' && (Number(args[1]) & XML.inactive) !== 0;
    return isStored ? this.#stored : super.text(name, ...args);
  }

  override int(name: string, ...args: readonly unknown[]): Promise<number> {
    if (name === 'virDomainListAllCheckpoints') return this.checkpoints();
    return super.int(name, ...args);
  }

  override async pointer(name: string, ...args: readonly unknown[]): Promise<bigint> {
    if (name === 'virDomainLookupByName') throw missing(ERROR.noDomain);
    return super.pointer(name, ...args);
  }
}

class Host extends FakeHost {
  keepsTpmState = true;
  readonly #input: Partial<LibvirtOptionsInput>;

  constructor(id: string, session: Session, input: Partial<LibvirtOptionsInput>) {
    super(id, session, input);
    this.#input = input;
  }

  override survey(): Promise<HostSurvey> {
    const told = survey(this.id, this.#input);
    const storages = told.storage.reach.map(({ storage }) => storageId(storage));
    const networks = ['network:lan', 'bridge:br0'].map(networkId);
    const { keepsTpmState } = this;
    return Promise.resolve({
      ...told,
      keepsTpmState,
      facts: { ...told.facts, storages, networks },
    });
  }

  override visibleFeatures(): Promise<readonly string[]> {
    return Promise.resolve(['avx']);
  }
}

function ends(session = new Session(), input: Partial<LibvirtOptionsInput> = INPUT) {
  return { from: new Host('h1', session, input), to: new Host('h2', new Session(), input) };
}

type Told = readonly string[];

async function coldMove(live: string, stored: string): Promise<Told> {
  const refusals = await precheckMove(ORDER, ends(new Session(live, stored)), SIGNAL);
  return refusals.map(({ code, detail }) => `${code}: ${detail}`);
}

async function restart(xml: string, input: Partial<LibvirtOptionsInput> = INPUT): Promise<Told> {
  const order = { ...ORDER, method: 'restart' } as const;
  const definition = { xml, autostart: false };
  const refusals = await precheckRestart(order, ends(undefined, input), definition, SIGNAL);
  return refusals.map(({ code, detail }) => `${code}: ${detail}`);
}

const PCI = `<hostdev mode='subsystem' type='pci' managed='yes'><source>
  <address domain='0x0000' bus='0x3b' slot='0x00' function='0x0'/></source></hostdev>`;
const NIC = `<interface type='bridge'><source bridge='BRIDGE'/></interface>`;
const ISO = `<disk type='file' device='cdrom'><source file='FILE'/><target dev='sda'/></disk>`;
const GUEST_TPM = `<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>`;
const NVRAM = `<nvram>/var/lib/libvirt/qemu/nvram/web_VARS.fd</nvram>`;

/** What the definition has of its own, and what is told of it. */
const NEW: readonly (readonly [string, string, string])[] = [
  ['a device', guestXml({ devices: PCI }), 'device: pci 0000:3b:00.0'],
  ['a network', guestXml({ devices: NIC.replace('BRIDGE', 'br9') }), 'network: bridge:br9'],
  [
    'a medium',
    guestXml({ devices: ISO.replace('FILE', '/iso/a.iso') }),
    'media: cdrom a.iso on local@h1',
  ],
  [
    'a machine type',
    guestXml({}).replace('pc-q35-10.0', 'pc-q35-99.0'),
    'machine-type: pc-q35-99.0',
  ],
  ['secrets', guestXml({ more: `<launchSecurity type='sev'/>` }), 'confidential: sev'],
  [
    'firmware',
    guestXml({ os: NVRAM }),
    'firmware: /var/lib/libvirt/qemu/nvram/web_VARS.fd is not on shared storage',
  ],
];

const REACHED = guestXml({
  devices:
    NIC.replace('BRIDGE', 'br0') +
    ISO.replace('FILE', '/srv/a.iso') +
    diskXml({ source: `file='/srv/web.qcow2'` }) +
    GUEST_TPM,
});

describe('a cold move', () => {
  it.each(NEW)('is judged by the definition that it starts: %s', async (_what, stored, told) => {
    expect(await coldMove(guestXml({}), stored)).toEqual([told]);
  });

  it('needs no more memory than was counted for it', async () => {
    const live = guestXml({});
    const more = live.replace('>2097152<', '>4194304<');
    expect(await coldMove(live, more)).toEqual([
      'memory: it would start with 4096 MiB, and runs with 2048 MiB',
    ]);
    expect(await coldMove(more, live)).toEqual([]);
  });

  it('is judged by what runs, too: its definition need not tell', async () => {
    const local = NVRAM.replaceAll('/var/lib/libvirt/qemu/nvram', '/var/x');
    const template = `<nvram template='/usr/share/VARS.fd'/>`;
    expect(await coldMove(guestXml({ os: local }), guestXml({ os: template }))).toEqual([
      'firmware: /var/x/web_VARS.fd is not on shared storage',
    ]);
    expect(await coldMove(guestXml({ os: local }), guestXml({ os: local }))).toHaveLength(1);
  });

  it('loses no checkpoints, where there are any', async () => {
    const session = new Session(guestXml({}));
    const refusals = () => precheckMove(ORDER, ends(session), SIGNAL);
    session.checkpoints = () => Promise.resolve(2);
    expect(await refusals()).toMatchObject([
      { code: 'hypervisor', detail: expect.stringContaining('its checkpoints (2)') },
    ]);
    session.checkpoints = () => Promise.reject(missing(ERROR.noSupport));
    expect(await refusals()).toEqual([]);
    session.checkpoints = () => Promise.reject(missing(ERROR.denied));
    await expect(refusals()).rejects.toMatchObject({ code: ERROR.denied });
  });

  it('goes with all that its target has', async () => {
    expect(await coldMove(guestXml({}), REACHED)).toEqual([]);
  });
});

describe('a guest with an emulated TPM', () => {
  const LOCAL = { sharedStorages: [{ id: 'nfs', paths: ['/srv'] }] };

  /** Of a guest whose host has a libvirt before 8.9. */
  async function leaving(method: 'cold' | 'pre-copy', input: Partial<LibvirtOptionsInput>) {
    const hosts = ends(new Session(guestXml({ devices: GUEST_TPM })), input);
    hosts.from.keepsTpmState = false;
    const refusals = await precheckMove({ ...ORDER, method }, hosts, SIGNAL);
    return refusals.map(({ code, detail }) => `${code}: ${detail}`);
  }

  it.each(['cold', 'pre-copy'] as const)(
    'stays where its old definition could not be removed without the state: %s',
    async (method) => {
      expect(await leaving(method, INPUT)).toEqual([
        expect.stringMatching(/^firmware: .* would be lost: libvirt before 8.9 on h1 would remove/),
      ]);
    },
  );

  it('is judged by the definition that goes at the end, which is the stored one', async () => {
    const hosts = ends(new Session(guestXml({}), guestXml({ devices: GUEST_TPM })));
    hosts.from.keepsTpmState = false;
    expect(await precheckMove({ ...ORDER, method: 'pre-copy' }, hosts, SIGNAL)).toHaveLength(1);
  });

  it('goes live with its state, where that is local', async () => {
    expect(await leaving('pre-copy', LOCAL)).toEqual([]);
  });
});

describe('a restart', () => {
  it.each(NEW)('is judged by the definition that was kept: %s', async (_what, xml, told) => {
    expect(await restart(xml)).toEqual([told]);
  });

  it.each([
    ['/var/web.qcow2', 'storage: local@h1'],
    ['/else/web.qcow2', 'storage: elsewhere'],
  ])('needs its disks, as the dead host had them: %s', async (file, told) => {
    expect(await restart(guestXml({ devices: diskXml({ source: `file='${file}'` }) }))).toEqual([
      told,
    ]);
  });

  it('goes where all of it is', async () => {
    expect(await restart(REACHED)).toEqual([]);
  });

  it('goes where its target has a pool of its own in a folder declared shared', async () => {
    const xml = guestXml({ devices: diskXml({ source: `file='/images/web.qcow2'` }) });
    const shared = { sharedStorages: [{ id: 'nfs', paths: ['/'] }] };
    // Below it: /images is the pool `default` of every fake host.
    expect(await restart(xml, shared)).toEqual([]);
  });

  it('needs the state of its TPM, wherever that is', async () => {
    const told = ['firmware: the state of the emulated TPM is not on shared storage'];
    const local = { sharedStorages: [{ id: 'nfs', paths: ['/srv'] }] };
    const at = (path: string) =>
      guestXml({
        devices: GUEST_TPM.replace('/>', `><source type='dir' path='${path}'/></backend>`),
      });
    expect(await restart(guestXml({ devices: GUEST_TPM }))).toEqual([]);
    expect(await restart(guestXml({ devices: GUEST_TPM }), local)).toEqual(told);
    expect(await restart(at('/srv/tpm/web'), local)).toEqual([]);
    expect(await restart(at('/tpm/web'))).toEqual(told);
    const old = ends();
    old.to.keepsTpmState = false;
    const definition = { xml: guestXml({ devices: GUEST_TPM }), autostart: false };
    expect(await precheckRestart(ORDER, old, definition, SIGNAL)).toMatchObject([
      { code: 'firmware', detail: expect.stringContaining('before 8.9') },
    ]);
  });
});
