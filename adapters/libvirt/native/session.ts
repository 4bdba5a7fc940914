/**
 * One task's turn of a connection: runs calls one after the other and turns libvirt's way of
 * failing (-1 or NULL, and an error left behind) into LibvirtError. Whoever holds a session holds
 * the connection alone, so the error it finds is that of its own call. A task that was given up, or
 * may not go on, makes no further call: each is preceded by the question, with nothing awaited in
 * between.
 */

import { CallTimeout, LibvirtError } from './errors.ts';
import type { LibvirtLibrary } from './library.ts';
import type { Arguments, FunctionName, Pointer, Result, SIGNATURES } from './signatures.ts';

type FunctionReturning<Kind> = {
  [Name in FunctionName]: (typeof SIGNATURES)[Name]['result'] extends Kind ? Name : never;
}[FunctionName];

export class Session {
  readonly library: LibvirtLibrary;
  readonly connection: Pointer;
  readonly #mayGoOn: () => boolean;

  constructor(library: LibvirtLibrary, connection: Pointer, mayGoOn: () => boolean = () => true) {
    this.library = library;
    this.connection = connection;
    this.#mayGoOn = mayGoOn;
  }

  /** The same connection, for one task. */
  during(mayGoOn: () => boolean): Session {
    return new Session(this.library, this.connection, mayGoOn);
  }

  /** Calls a function that returns -1 when it fails. */
  async int<Name extends FunctionReturning<'int'>>(
    name: Name,
    ...args: Arguments<Name>
  ): Promise<number> {
    this.#ask(name);
    const result: number | bigint | null | undefined = await this.library.call(name, ...args);
    if (typeof result !== 'number' || result < 0) throw await this.failure(name);
    return result;
  }

  /** Calls a function that returns NULL when it fails. */
  async pointer<Name extends FunctionReturning<'pointer'>>(
    name: Name,
    ...args: Arguments<Name>
  ): Promise<Pointer> {
    this.#ask(name);
    const result: Result<Name> | Pointer | null = await this.library.call(name, ...args);
    if (typeof result !== 'bigint') throw await this.failure(name);
    return result;
  }

  /** Calls a function that returns a text for us to free, or NULL when it fails. */
  async text<Name extends FunctionReturning<'pointer'>>(
    name: Name,
    ...args: Arguments<Name>
  ): Promise<string> {
    return this.library.takeText(await this.pointer(name, ...args));
  }

  /** The error that the last call left on this connection. */
  async failure(what: string): Promise<LibvirtError> {
    const address = this.library.now('virConnGetLastError', this.connection);
    const report = address === null ? undefined : this.library.reportAt(address);
    const isAlive = await this.library.call('virConnectIsAlive', this.connection);
    const message = report?.message ?? `${what} failed without an error text`;
    return new LibvirtError(report?.code ?? 0, message, isAlive !== 1);
  }

  #ask(name: string): void {
    if (!this.#mayGoOn()) throw new CallTimeout(`${name}: its task may not go on`);
  }
}
