/**
 * libvirt.so.0 in this process, through koffi (an optional dependency, loaded when first needed).
 * One instance for all connections of all sources: the C library has process-wide state.
 *
 * - Every call that may wait runs on a libuv worker thread (`call`), so that a host that hangs
 *   does not stop the event loop. Each one holds its thread until libvirt returns:
 *   UV_THREADPOOL_SIZE, read once when Node starts, bounds the calls in flight, and the seats
 *   (seats.ts) see to it that these are never all of them.
 * - libvirt's own event loop runs on one more such thread while a connection is open. Without it
 *   there is no keepalive, and a call to a host that died would never return.
 * - Errors go to a handler of ours instead of to stderr.
 * - Node joins its worker threads when it ends. A call that hangs, or a migration that goes on
 *   without its client, would keep the process from ending: then it ends by `_exit`.
 */

import { SIGNATURES, type Arguments, type FunctionName, type Result } from './signatures.ts';
import type { ArgumentKind, Pointer, ResultKind } from './signatures.ts';
import { whileKept } from './kept.ts';
import { decodeTypedParams, TYPED_PARAMETER_BYTES, type TypedParams } from './typed-params.ts';

type Koffi = typeof import('koffi');
type NativeFunction = ReturnType<ReturnType<Koffi['load']>['func']>;

const TYPES: Readonly<Record<ArgumentKind | ResultKind, string>> = {
  pointer: 'void *',
  memory: 'void *',
  text: 'str',
  int: 'int',
  uint: 'uint',
  ulong: 'ulong',
  uint64: 'uint64',
  void: 'void',
};

/** Bounds one turn of libvirt's event loop, so that the last close can stop it. */
const EVENT_TURN_MILLISECONDS = 1000;

/** Errors that are remembered: more than come in while one connection is opened. */
const REPORTS_MAX = 256;

/** What libvirt said about a failure. */
export interface ErrorReport {
  readonly code: number;
  readonly message: string;
}

let loaded: Promise<LibvirtLibrary> | undefined;

/** The library, loaded at the first call. Rejects with a text for operators. */
export function loadLibvirt(): Promise<LibvirtLibrary> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<LibvirtLibrary> {
  let koffi: Koffi;
  try {
    koffi = await import('koffi');
  } catch (error) {
    throw new Error('the package koffi is not installed (npm install koffi)', { cause: error });
  }
  try {
    return new LibvirtLibrary(koffi);
  } catch (error) {
    const hint = 'libvirt.so.0 could not be loaded (package libvirt0 or libvirt-libs)';
    throw new Error(hint, { cause: error });
  }
}

export class LibvirtLibrary {
  readonly #koffi: Koffi;
  readonly #functions = new Map<FunctionName, NativeFunction>();
  readonly #libc: ReturnType<Koffi['load']>;
  readonly #free: NativeFunction;
  #users = 0;
  #runsEvents = false;
  #threads = 0;
  /** The last errors of all threads, the newest last. */
  readonly #reports: ErrorReport[] = [];
  #reported = 0;

  constructor(koffi: Koffi) {
    this.#koffi = koffi;
    const library = koffi.load('libvirt.so.0');
    for (const [name, { result, arguments: parameters }] of Object.entries(SIGNATURES)) {
      const types = parameters.map((kind) => TYPES[kind]);
      // Object.entries forgets the key type.
      this.#functions.set(name as FunctionName, library.func(name, TYPES[result], types));
    }
    this.#libc = koffi.load('libc.so.6');
    this.#free = this.#libc.func('free', 'void', ['void *']);
    if (this.now('virInitialize') < 0) throw new Error('virInitialize failed');
    this.#takeErrors();
    this.#prepareEvents();
    this.#endEvenWhenThreadsHang();
  }

  /** Worker threads that libvirt holds at the moment, its event loop included. */
  get threads(): number {
    return this.#threads;
  }

  /** How many errors libvirt has reported so far. */
  reportCount(): number {
    return this.#reported;
  }

  /**
   * The errors after the first `count`, of whichever thread, as far as they are remembered: a call
   * without a connection (open) can ask for no error of its own.
   */
  reportsSince(count: number): readonly ErrorReport[] {
    const news = this.#reported - count;
    return news === 0 ? [] : this.#reports.slice(-news);
  }

  /** Runs a function on a worker thread. */
  async call<Name extends FunctionName>(
    name: Name,
    ...args: Arguments<Name>
  ): Promise<Result<Name>> {
    const native = this.#function(name);
    this.#threads += 1;
    try {
      return await new Promise((resolve, reject) => {
        native.async(...args, (error: Error | null, result: Result<Name>) => {
          if (error === null) resolve(result);
          else reject(error);
        });
      });
    } finally {
      this.#threads -= 1;
    }
  }

  /** Runs a function at once: only for those that neither wait nor take libvirt's locks. */
  now<Name extends FunctionName>(name: Name, ...args: Arguments<Name>): Result<Name> {
    // koffi's types know no signatures; the table does.
    return this.#function(name)(...args) as Result<Name>;
  }

  /** The C string at `address`. */
  textAt(address: Pointer): string {
    return this.#koffi.decode(address, 'char', -1) as string; // 'char' with length -1 is a string
  }

  /** The C string at `address`, which libvirt allocated for us; frees it. */
  takeText(address: Pointer): string {
    const text = this.textAt(address);
    this.#free(address);
    return text;
  }

  free(address: Pointer): void {
    this.#free(address);
  }

  /** A view of libvirt's memory: copy what has to outlive it. */
  view(address: Pointer, length: number): DataView {
    return new DataView(this.#koffi.view(address, length));
  }

  /** Runs `task` with the address of a buffer of ours, which is kept until the task is over. */
  async withAddressOf<T>(memory: Uint8Array, task: (address: Pointer) => Promise<T>): Promise<T> {
    return whileKept(memory, () => task(this.#koffi.address(memory)));
  }

  /** `count` pointers at `address`. */
  pointersAt(address: Pointer, count: number): Pointer[] {
    if (count === 0) return [];
    const memory = this.view(address, count * 8);
    return Array.from({ length: count }, (_, index) => memory.getBigUint64(index * 8, true));
  }

  typedParamsAt(address: Pointer, count: number): TypedParams {
    const memory = this.view(address, count * TYPED_PARAMETER_BYTES);
    return decodeTypedParams(memory, count, (text) => this.textAt(text));
  }

  /** Reads a virError: int code; int domain; char *message; … */
  reportAt(address: Pointer): ErrorReport {
    const memory = this.view(address, 16);
    const message = memory.getBigUint64(8, true);
    return {
      code: memory.getInt32(0, true),
      message: message === 0n ? 'no error text' : this.textAt(message),
    };
  }

  /** To be called before a connection is opened; each call is paired with one of `release`. */
  acquire(): void {
    this.#users += 1;
    if (this.#runsEvents) return;
    this.#runsEvents = true;
    void this.#runEvents();
  }

  /** To be called after a connection was closed. */
  release(): void {
    this.#users -= 1;
  }

  #function(name: FunctionName): NativeFunction {
    const native = this.#functions.get(name);
    if (native === undefined) throw new Error(`${name} is not bound`);
    return native;
  }

  #takeErrors(): void {
    // koffi runs the handler on the main thread, whichever thread failed.
    const handler = (_data: unknown, error: Pointer): void => {
      this.#reported += 1;
      if (this.#reports.push(this.reportAt(error)) > REPORTS_MAX) this.#reports.shift();
    };
    const type = this.#koffi.pointer(this.#koffi.proto('void', ['void *', 'void *']));
    this.now('virSetErrorFunc', null, this.#koffi.register(handler, type));
  }

  #prepareEvents(): void {
    if (this.now('virEventRegisterDefaultImpl') < 0) throw new Error('no event loop');
    // The timer's only purpose is to end each turn. Its callback must not do anything: labs() takes
    // an integer as wide as a pointer and has no effect.
    const nothing: unknown = this.#libc.symbol('labs');
    if (typeof nothing !== 'bigint') throw new Error('labs is no address');
    this.now('virEventAddTimeout', EVENT_TURN_MILLISECONDS, nothing, null, null);
  }

  async #runEvents(): Promise<void> {
    while (this.#users > 0) {
      if ((await this.call('virEventRunDefaultImpl')) < 0) {
        await new Promise((resolve) => setTimeout(resolve, EVENT_TURN_MILLISECONDS));
      }
    }
    this.#runsEvents = false;
  }

  #endEvenWhenThreadsHang(): void {
    const exit = this.#libc.func('_exit', 'void', ['int']);
    process.on('exit', (code) => {
      if (this.#threads > 0) exit(code);
    });
  }
}
