// Role: hosts that say nothing take their share of the threads, and the others go on.
import { beforeEach, describe, expect, it } from 'vitest';

import { HostLink } from '../../../../adapters/libvirt/host-link.ts';
import { CallTimeout } from '../../../../adapters/libvirt/native/errors.ts';
import { LibvirtLibrary } from '../../../../adapters/libvirt/native/library.ts';
import { sharesOf } from '../../../../adapters/libvirt/native/seats.ts';
import type { Session } from '../../../../adapters/libvirt/native/session.ts';

const THREADS = 64;
const LIMITS = { callSeconds: 0.02, keepAlive: { intervalSeconds: 5, count: 3 } };
const LANES = ['control', 'inventory', 'statistics'] as const;

/** A library that counts the threads that it holds. */
class Threads {
  taken = 0;
  most = 0;
  /** Whether looking at domains comes back. */
  answers = true;
  readonly library: LibvirtLibrary;
  readonly #never = Promise.withResolvers<number>();

  constructor() {
    const answers = {
      acquire: () => undefined,
      release: () => undefined,
      reportCount: () => 0,
      call: (name: string, first: unknown) => this.#hold(name, first),
    };
    this.library = Object.assign(Object.create(LibvirtLibrary.prototype), answers);
  }

  comeBack(): void {
    this.#never.resolve(0);
  }

  async #hold(name: string, first: unknown): Promise<number | bigint> {
    this.taken += 1;
    this.most = Math.max(this.most, this.taken);
    try {
      const isSilent = String(first).startsWith('silent');
      if (isSilent || (name === 'virNodeGetInfo' && !this.answers))
        return await this.#never.promise;
      if (name === 'virConnectOpen') return 1n;
      return name === 'virConnectIsAlive' ? 1 : 0;
    } finally {
      this.taken -= 1;
    }
  }
}

const look = (session: Session): Promise<number> => session.int('virNodeGetInfo', 1n, null);

let threads: Threads;
let shares: ReturnType<typeof sharesOf>;
beforeEach(() => {
  threads = new Threads();
  shares = sharesOf(THREADS);
});

function link(uri: string): HostLink {
  return new HostLink(uri, LIMITS, { load: () => Promise.resolve(threads.library), shares });
}

async function askAll(links: readonly HostLink[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    const all = links.flatMap((one) => LANES.map((lane) => one.use(lane, 'looking', look)));
    for (const asked of await Promise.allSettled(all)) {
      expect(asked).toMatchObject({ status: 'rejected', reason: expect.any(CallTimeout) });
    }
  }
}

function silentHosts(count: number): HostLink[] {
  return Array.from({ length: count }, (_, index) => link(`silent+tcp://h${index}/system`));
}

describe('hosts that accept a connection and say nothing', () => {
  it('take no more threads than connecting has, and the others are reached', async () => {
    const before = link('test:///before');
    await before.use('control', 'looking', look);
    await askAll(silentHosts(3 * THREADS), 3);
    expect(threads.most).toBeLessThanOrEqual(shares.connect.capacity);
    for (const lane of LANES) await before.use(lane, 'looking', look);
    threads.comeBack();
  });

  it('take one thread each at first, so that a new host is reached beside many', async () => {
    const many = silentHosts(shares.connect.capacity / 2);
    await askAll(many, 1);
    expect(threads.taken).toBe(many.length);
    await askAll(many, 3);
    expect(threads.taken).toBe(shares.connect.capacity / 2);
    await link('test:///new').use('inventory', 'looking', look);
    threads.comeBack();
  });

  it('are asked again when their calls came back', async () => {
    const hosts = silentHosts(3 * THREADS);
    await askAll(hosts, 1);
    threads.comeBack();
    await Promise.all(hosts.map((one) => one.use('control', 'looking', look).catch(() => 0)));
    expect([threads.taken, shares.connect.free]).toEqual([0, shares.connect.capacity]);
  });
});

describe('hosts whose calls hang', () => {
  it('keep inventories from each other, not moves', async () => {
    const hosts = Array.from({ length: THREADS }, (_, index) => link(`test:///${index}`));
    for (const one of hosts) await one.use('inventory', 'looking', look);
    threads.answers = false;
    const looking = hosts.map((one) => one.use('inventory', 'looking', look));
    await Promise.allSettled(looking);
    expect(threads.taken).toBe(shares.survey.capacity);
    threads.answers = true;
    for (const one of hosts) await one.use('control', 'looking', look);
    threads.comeBack();
  });
});

describe('a connection for a long call', () => {
  it('is refused when as many are under way as may be, until one ends', async () => {
    const host = link('test:///long');
    const all = await Promise.all(
      Array.from({ length: shares.long.capacity }, () => host.open(undefined)),
    );
    await expect(host.open()).rejects.toThrow('UV_THREADPOOL_SIZE');
    const [first] = all;
    if (first !== undefined) host.drop(first);
    await new Promise((resolve) => setImmediate(resolve));
    await host.open();
  });
});
