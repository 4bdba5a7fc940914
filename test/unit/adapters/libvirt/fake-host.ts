// Role: a libvirt host with pools, volumes and guests in memory, for what the adapter does with
// storage: it answers the few calls of the C API that this takes.
import { Connection } from '../../../../adapters/libvirt/connection.ts';
import { Definitions } from '../../../../adapters/libvirt/definitions.ts';
import { type Kept, LibvirtHost } from '../../../../adapters/libvirt/host.ts';
import { LastSeenHosts } from '../../../../adapters/libvirt/last-seen.ts';
import { ERROR } from '../../../../adapters/libvirt/native/constants.ts';
import { CallTimeout, LibvirtError } from '../../../../adapters/libvirt/native/errors.ts';
import { LibvirtLibrary } from '../../../../adapters/libvirt/native/library.ts';
import { Session } from '../../../../adapters/libvirt/native/session.ts';
import type { LibvirtOptionsInput } from '../../../../adapters/libvirt/options.ts';
import { readPool } from '../../../../adapters/libvirt/xml/reach.ts';
import { isAllowed } from '../../../../src/ports/permission.ts';
import { manualClock } from '../../../support/manual-clock.ts';
import { identity } from './samples.ts';

export function poolXml(
  name: string,
  path: string,
  available: number | undefined,
  type = 'dir',
): string {
  const room = available === undefined ? '' : `<available unit='bytes'>${available}</available>`;
  const target = `<target><path>${path}</path></target>`;
  return `<pool type='${type}'><name>${name}</name>${room}${target}</pool>`;
}

export function diskXml(parts: {
  readonly type?: string;
  readonly source?: string;
  readonly inSource?: string;
  readonly driver?: string;
  readonly dev?: string;
  readonly more?: string;
}): string {
  const { type = 'file', source = `file='/images/a.img'`, dev = 'vda', more = '' } = parts;
  const driver = parts.driver ?? `<driver name='qemu' type='qcow2'/>`;
  return `<disk type='${type}' device='disk'>${driver}
    <source ${source}>${parts.inSource ?? ''}</source>${more}
    <target dev='${dev}' bus='virtio'/></disk>`;
}

export interface FakeParts {
  readonly pools: readonly string[];
  readonly volumes?: Readonly<Record<string, readonly string[]>>;
  /** Documents by UUID. */
  readonly guests?: Readonly<Record<string, string>>;
  readonly diskBytes?: number;
  /** The document of every volume. */
  readonly volumeXml?: string;
}

/** Handles are numbers in the order of their making; what they stand for is remembered. */
export class FakeSession extends Session {
  readonly volumes = new Map<string, string[]>();
  readonly #parts: FakeParts;
  readonly #handles: string[] = [];

  constructor(parts: FakeParts) {
    super(quietLibrary(parts), 0n);
    this.#parts = parts;
    for (const [pool, names] of Object.entries(parts.volumes ?? {})) {
      this.volumes.set(pool, [...names]);
    }
  }

  override int(name: string, ...args: readonly unknown[]): Promise<number> {
    switch (name) {
      case 'virDomainGetBlockInfo': {
        const info = args[2];
        if (info instanceof BigUint64Array) info[0] = BigInt(this.#parts.diskBytes ?? 0);
        return Promise.resolve(0);
      }
      case 'virStorageVolDelete': {
        const [pool = '', volume] = this.what(args[0]).split('/');
        const names = this.volumes.get(pool) ?? [];
        this.volumes.set(
          pool,
          names.filter((one) => one !== volume),
        );
        return Promise.resolve(0);
      }
      // Every guest has a UUID in the list, and a handle of its own.
      case 'virConnectListAllDomains':
        return Promise.resolve(Object.keys(this.#parts.guests ?? {}).length);
      case 'virConnectListAllStoragePools':
        return Promise.resolve(this.#parts.pools.length);
      default:
        return Promise.resolve(0);
    }
  }

  override async pointer(name: string, ...args: readonly unknown[]): Promise<bigint> {
    const key = String(args[1]);
    switch (name) {
      case 'virDomainLookupByUUIDString':
        if (this.#parts.guests?.[key] === undefined) throw missing(ERROR.noDomain);
        return this.handleOf(key);
      case 'virStoragePoolLookupByName':
        if (this.#poolNamed(key) === undefined) throw missing(ERROR.noStoragePool);
        return this.handleOf(key);
      case 'virStorageVolLookupByName': {
        const pool = this.what(args[0]);
        if (this.volumes.get(pool)?.includes(key) !== true) throw missing(ERROR.noStorageVolume);
        return this.handleOf(`${pool}/${key}`);
      }
      default:
        throw new Error(`the fake host has no ${name}`);
    }
  }

  override async text(name: string, ...[handle]: readonly unknown[]): Promise<string> {
    if (name === 'virDomainGetMetadata') throw missing(ERROR.noMetadata);
    if (name === 'virDomainGetXMLDesc') return this.#parts.guests?.[this.what(handle)] ?? '';
    if (name === 'virStorageVolGetXMLDesc') return this.#parts.volumeXml ?? '';
    // Of a list the handles are negative: -1 is the first.
    const index = typeof handle === 'bigint' && handle < 0n ? Number(-1n - handle) : undefined;
    const pool =
      index === undefined ? this.#poolNamed(this.what(handle)) : this.#parts.pools[index];
    return pool ?? '';
  }

  protected handleOf(what: string): bigint {
    this.#handles.push(what);
    return BigInt(this.#handles.length);
  }

  protected what(handle: unknown): string {
    return this.#handles[Number(handle) - 1] ?? '';
  }

  #poolNamed(name: string): string | undefined {
    return this.#parts.pools.find((xml) => readPool(xml).name === name);
  }
}

/** Only what takes no session: the elements of lists. */
function quietLibrary({ guests = {} }: FakeParts): LibvirtLibrary {
  const uuids = Object.keys(guests);
  const answers = {
    pointersAt: (_address: bigint, count: number) =>
      Array.from({ length: count }, (_, index) => BigInt(-1 - index)),
    now: (name: string, handle: bigint, memory?: Buffer) => {
      if (name === 'virDomainGetUUIDString') memory?.write(uuids[Number(-1n - handle)] ?? '');
      return 0;
    },
    free: () => undefined,
    withAddressOf: (_memory: Buffer, task: (address: bigint) => Promise<unknown>) => task(1n),
    // Streams are at their end from the beginning.
    call: () => Promise.resolve(0),
  };
  return Object.assign(Object.create(LibvirtLibrary.prototype), answers);
}

export function missing(code: number): LibvirtError {
  return new LibvirtError(code, 'not found', false);
}

export class FakeHost extends LibvirtHost {
  readonly #session: FakeSession;

  constructor(
    id: string,
    parts: FakeParts | FakeSession,
    input: Partial<LibvirtOptionsInput> = {},
    {
      definitions = new Definitions(undefined, manualClock()),
      hosts = new LastSeenHosts(undefined, manualClock()),
      ...own
    }: Partial<Kept> & { readonly diskPool?: string } = {},
  ) {
    const kept = { hosts, definitions };
    const host = { id, uri: `qemu+tls://${id}/system`, ...own };
    super(identity(id, { ...input, hosts: [host] }), kept);
    const session = parts instanceof FakeSession ? parts : new FakeSession(parts);
    this.#session = session;
    this.link.use = async (_lane, what, task, signal) => {
      if (!isAllowed(signal)) throw new CallTimeout(`${what}: may not go on`);
      return task(session);
    };
    const connection: Connection = Object.create(Connection.prototype);
    connection.use = (_what, task) => task(session);
    connection.isUsable = () => Promise.resolve(true);
    this.link.open = () => Promise.resolve(connection);
    this.link.drop = () => undefined;
  }

  volumes(pool: string): readonly string[] {
    return this.#session.volumes.get(pool) ?? [];
  }
}
