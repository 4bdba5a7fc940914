// Role: a libvirt host whose one guest can be started, shut down, defined and undefined, and whose
// volumes can be written to: what a cold move meets. Others act in the middle of it by `before`.
import { DOMAIN_STATE, ERROR } from '../../../../adapters/libvirt/native/constants.ts';
import { FakeHost, FakeSession, missing, poolXml } from './fake-host.ts';
import { UUID } from './samples.ts';
import { GIB } from '../../../../src/domain/units.ts';

const METADATA = /<metadata>(.*)<\/metadata>/;

export class GuestSession extends FakeSession {
  /** What happens right before the call of that name, once. */
  readonly before = new Map<string, () => void>();
  readonly calls: string[] = [];
  running = false;
  autostart = false;
  /** Why it is off (virDomainShutoffReason). */
  offReason = 0;
  /** It is powered off, and QEMU is about to end. */
  isEnding = false;
  /** Whether the guest goes down when it is asked to. */
  obeys = true;
  /** When the volumes were written to; undefined: the host does not say. */
  modified: string | undefined = '1700000000.000000001';
  /** The same of single volumes. */
  readonly modifiedOf = new Map<string, string>();
  readonly #guests: Record<string, string>;

  constructor(guests: Record<string, string>, volumes: readonly string[]) {
    const pools = [poolXml('default', '/images', 9 * GIB)];
    super({ pools, guests, volumes: { default: volumes }, diskBytes: GIB });
    this.#guests = guests;
  }

  get #state(): number {
    if (!this.running) return DOMAIN_STATE.shutoff;
    return this.isEnding ? DOMAIN_STATE.shutdown : DOMAIN_STATE.running;
  }

  get isDefined(): boolean {
    return this.#guests[UUID] !== undefined;
  }

  define(xml: string): void {
    this.#guests[UUID] = xml;
  }

  /** Drover's, in the stored definition. */
  get note(): string | undefined {
    return METADATA.exec(this.#guests[UUID] ?? '')?.[1];
  }

  set note(element: string | undefined) {
    const plain = (this.#guests[UUID] ?? '').replace(METADATA, '');
    const all = element === undefined ? '' : `<metadata>${element}</metadata>`;
    this.#guests[UUID] = plain.replace('<devices>', `${all}$&`);
  }

  override int(name: string, ...args: readonly unknown[]): Promise<number> {
    this.#happens(name);
    return Promise.resolve(this.#answer(name, args) ?? super.int(name, ...args));
  }

  override async pointer(name: string, ...args: readonly unknown[]): Promise<bigint> {
    this.#happens(name);
    switch (name) {
      case 'virDomainDefineXML':
        this.define(String(args[1]));
        return this.handleOf(UUID);
      case 'virStorageVolCreateXML': {
        const made = /<name>(.*)<\/name>/.exec(String(args[1]))?.[1] ?? '';
        this.volumes.set('default', [...(this.volumes.get('default') ?? []), made]);
        return this.handleOf(`default/${made}`);
      }
      case 'virStreamNew':
        return this.handleOf('stream');
      default:
        return super.pointer(name, ...args);
    }
  }

  override async text(name: string, ...args: readonly unknown[]): Promise<string> {
    this.#happens(name);
    if (name === 'virDomainGetMetadata') {
      if (this.note === undefined) throw missing(ERROR.noMetadata);
      return this.note;
    }
    if (name !== 'virStorageVolGetXMLDesc') return super.text(name, ...args);
    const [, volume = ''] = this.what(args[0]).split('/');
    const modified = this.modifiedOf.get(volume) ?? this.modified;
    const mtime = modified === undefined ? '' : `<mtime>${modified}</mtime>`;
    const target = `<target><timestamps>${mtime}</timestamps></target>`;
    return `<volume><capacity unit='bytes'>${GIB}</capacity>${target}</volume>`;
  }

  /** Undefined: the call is not about the guest's state. */
  #answer(name: string, args: readonly unknown[]): number | undefined {
    const [, out] = args;
    switch (name) {
      case 'virDomainGetState':
        if (!(out instanceof Int32Array)) return -1;
        out[0] = this.#state;
        if (args[2] instanceof Int32Array) args[2][0] = this.running ? 1 : this.offReason;
        return 0;
      case 'virDomainGetAutostart':
        if (out instanceof Int32Array) out[0] = Number(this.autostart);
        return 0;
      case 'virDomainIsPersistent':
        return 1;
      case 'virDomainIsActive':
        return Number(this.running);
      case 'virDomainSetAutostart':
        this.autostart = out === 1;
        return 0;
      case 'virDomainSetMetadata':
        this.note = typeof args[2] === 'string' ? args[2] : undefined;
        return 0;
      case 'virDomainCreate':
        // Its handle may outlive it.
        if (!this.isDefined) throw missing(ERROR.noDomain);
        this.running = true;
        return 0;
      case 'virDomainShutdownFlags':
        this.running &&= !this.obeys;
        return 0;
      case 'virDomainDestroyFlags':
        this.running = false;
        return 0;
      case 'virDomainUndefineFlags':
        // One that runs goes on, as a transient guest.
        if (!this.running) delete this.#guests[UUID];
        return 0;
      default:
        return undefined;
    }
  }

  #happens(name: string): void {
    this.calls.push(name);
    const happening = this.before.get(name);
    this.before.delete(name);
    happening?.();
  }
}

export class GuestHost extends FakeHost {
  readonly guest: GuestSession;

  constructor(id: string, guests: Record<string, string>, volumes: readonly string[] = []) {
    const guest = new GuestSession(guests, volumes);
    super(id, guest);
    this.guest = guest;
  }
}
