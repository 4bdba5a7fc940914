/**
 * Who may do what. Tokens are compared in constant time against their hashes; the tokens
 * themselves are not kept. Roles: `viewer` reads, `operator` reads and orders, `alert` only posts
 * alerts. Where no viewer token is configured, reading needs none (the address is loopback then,
 * or the server is not built).
 */

import { createHash, timingSafeEqual } from 'node:crypto';

export const ROLES = ['viewer', 'operator', 'alert'] as const;
export type Role = (typeof ROLES)[number];

export interface Token {
  /** Who it was given to; becomes the "by" of orders. Never secret. */
  readonly name: string;
  readonly role: Role;
  readonly token: string;
}

/** What a request needs. */
export type Need = 'read' | 'write' | 'alert';

export type Admission =
  | { readonly ok: true; readonly by: string }
  | { readonly ok: false; readonly status: 401 | 403; readonly detail: string };

const ALLOWED: Readonly<Record<Need, readonly Role[]>> = {
  read: ['viewer', 'operator'],
  write: ['operator'],
  alert: ['alert', 'operator'],
};

interface Known {
  readonly name: string;
  readonly role: Role;
  readonly hash: Buffer;
}

export class Access {
  readonly #known: readonly Known[];
  readonly #openReads: boolean;

  constructor(tokens: readonly Token[]) {
    this.#known = tokens.map(({ name, role, token }) => ({ name, role, hash: hashOf(token) }));
    this.#openReads = !tokens.some(({ role }) => role === 'viewer');
  }

  /** @param header the Authorization header as received. */
  admit(need: Need, header: string | undefined): Admission {
    const token = /^Bearer +(\S+)$/i.exec(header ?? '')?.[1];
    if (token === undefined) {
      if (need === 'read' && this.#openReads) return { ok: true, by: 'anonymous' };
      return { ok: false, status: 401, detail: 'a bearer token is needed' };
    }
    const known = this.#find(token);
    if (known === undefined) return { ok: false, status: 401, detail: 'the token is not known' };
    if (ALLOWED[need].includes(known.role)) return { ok: true, by: known.name };
    return { ok: false, status: 403, detail: `role ${known.role} does not allow this` };
  }

  /** Looks at every token, so that the time taken does not tell which one was close. */
  #find(token: string): Known | undefined {
    const hash = hashOf(token);
    let found: Known | undefined;
    for (const known of this.#known) if (timingSafeEqual(known.hash, hash)) found = known;
    return found;
  }
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|localhost|::1|\[::1\])$/i;

export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/**
 * True when the Host header names this machine itself. A web page that rebinds its own name to
 * 127.0.0.1 (DNS rebinding) still sends its name here.
 */
export function isLoopbackHostHeader(header: string | undefined): boolean {
  return header !== undefined && isLoopback(header.replace(/:\d+$/, ''));
}
