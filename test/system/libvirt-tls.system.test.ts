// Role: moves between hosts that move no guest unencrypted: memory, disk and the daemons' own talk
// go over TLS. Where certificates are missing, or name the host otherwise, the move is refused and
// says so, and the guest stays as it was.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { LibvirtHypervisor } from '../../adapters/libvirt/hypervisor.ts';
import type { LibvirtOptions } from '../../adapters/libvirt/options.ts';
import { hostId, moveId, sourceId, vmId } from '../../src/domain/ids.ts';
import { seconds } from '../../src/domain/units.ts';
import type { Job, MoveOrder } from '../../src/ports/hypervisor.ts';
import { guestUuid } from './lab/guest.ts';
import type { HeartbeatWatch } from './lab/heartbeats.ts';
import { imagesOn, markOf } from './lab/images.ts';
import { type Lab, startLab } from './lab/lab.ts';
import { until } from './lab/shell.ts';
import { labOptions, realClock } from './libvirt-world.ts';

const signal = new AbortController().signal;
const OK = { ok: true, value: undefined };
const PKI = '/etc/libvirt/pki';

let lab: Lab;
let watch: HeartbeatWatch;
let moves = 0;

beforeAll(async () => {
  lab = await startLab({
    hosts: 2,
    tls: true,
    guests: [{ name: 'vm', host: 1, disk: 'local', diskMarkMiB: 4 }],
  });
  watch = await lab.watchHeartbeats();
});

afterAll(async () => {
  await watch?.stop();
  await lab?.stop();
});

interface Own {
  readonly tls: boolean;
  /** With `tlsName`. */
  readonly named: boolean;
}

/** The hosts' certificates know them by name, and QEMU sends to addresses. */
function options(own: Own): LibvirtOptions {
  const common = labOptions(lab);
  const hosts = common.hosts.map((host, index) => {
    const { tlsUri, name } = lab.host(index + 1);
    return { ...host, migrateUri: tlsUri, ...(own.named ? { tlsName: name } : {}) };
  });
  return { ...common, tls: own.tls, hosts };
}

async function using<T>(own: Own, task: (hypervisor: LibvirtHypervisor) => Promise<T>): Promise<T> {
  const hypervisor = new LibvirtHypervisor(options(own), {
    source: sourceId('lab'),
    clock: realClock,
  });
  try {
    await until('both hosts to answer', async () => {
      const { hosts } = await hypervisor.inventory(signal).catch(() => ({ hosts: [] }));
      const isAll = hosts.filter(({ connection }) => connection === 'connected').length === 2;
      return isAll ? true : undefined;
    });
    return await task(hypervisor);
  } finally {
    await hypervisor.close();
  }
}

function anOrder(): MoveOrder {
  moves += 1;
  return {
    move: moveId(`tls-${moves}`),
    vm: vmId(guestUuid(lab.id, 'vm')),
    from: hostId('h1'),
    to: hostId('h2'),
    method: 'storage',
    downtimeLimitSeconds: seconds(0.5),
    bandwidth: undefined,
    autoConverge: false,
    allowPostCopy: false,
  };
}

function endOf(hypervisor: LibvirtHypervisor, order: MoveOrder): Promise<Job> {
  return until(`the end of ${order.move}`, async () => {
    const job = await hypervisor.job(order, signal);
    return job.kind === 'running' ? undefined : job;
  });
}

/** Why the move did not come about; afterwards all is as before. */
async function whyNot(own: Own): Promise<string> {
  return using(own, async (hypervisor) => {
    const order = anOrder();
    const attempt = await hypervisor.startMove(order, signal);
    expect(attempt.ok).toBe(false);
    expect(await hypervisor.cleanUp(order, signal)).toEqual(OK);
    expect(await lab.whereIs('vm')).toEqual([1]);
    expect(lab.definedOn('vm')).toEqual([1]);
    expect(await imagesOn(lab.id, 2)).toEqual([]);
    return attempt.ok ? '' : attempt.error.detail;
  });
}

describe('hosts that move nothing unencrypted', () => {
  it('decline a move without tls', async () => {
    expect(await whyNot({ tls: false, named: true })).toMatch(/VIR_MIGRATE_TLS.*set tls: true/);
  });

  it.each([
    [2, 'server', 'server-cert.pem'],
    [1, 'client', 'TLS'],
  ] as const)(
    'say what is missing: on h%i the certificate of the %s',
    async (number, end, what) => {
      const file = `${PKI}/${end}-cert.pem`;
      await lab.host(number).exec('mv', file, `${file}.away`);
      const why = await whyNot({ tls: true, named: true });
      await lab.host(number).exec('mv', `${file}.away`, file);
      expect(why).toContain(what);
      expect(why).toContain('look for the certificates of QEMU on h1 and h2');
    },
  );

  it('say whose certificate names another host', async () => {
    const why = await whyNot({ tls: true, named: false });
    expect(why).toMatch(/does not match.*10\.77\.0\.12.*else set tlsName/);
  });

  it('move a guest and its disk over TLS', async () => {
    const { boot } = await watch.waitFor('vm', () => true);
    await using({ tls: true, named: true }, async (hypervisor) => {
      const order = anOrder();
      expect(await hypervisor.startMove(order, signal)).toEqual(OK);
      expect(await endOf(hypervisor, order)).toMatchObject({ kind: 'ended', ok: true });
      expect(await hypervisor.commit(order, signal)).toEqual(OK);
    });
    expect(lab.qemuOn('vm')).toEqual([2]);
    const [copy = ''] = await imagesOn(lab.id, 2);
    const guest = lab.guest('vm');
    const mark = await markOf(lab.id, 1, { image: 'vm.img', guest });
    expect(await markOf(lab.id, 2, { image: copy, guest })).toEqual(mark);
    await watch.waitFor('vm', (one) => one.host === 2);
    expect(await watch.guest('vm')).toMatchObject({ boot, corruptPages: 0 });
  });
});
