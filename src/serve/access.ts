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
  | {
      readonly ok: false;
      readonly status: 401 | 403;
      readonly detail: string;
      /** A token was given, and nobody has it. */
      readonly isGuess: boolean;
    };

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

/** Characters of a token that can be guessed at over the network. */
const LEAST_LENGTH = 16;

/**
 * What is wrong with the tokens, or nothing. `isExposed`: the server listens beyond loopback, where
 * everybody may guess.
 */
export function tokenFaults(tokens: readonly Token[], isExposed: boolean): string[] {
  const faults: string[] = [];
  const owners = new Map<string, string>();
  for (const { name, token } of tokens) {
    const other = owners.get(token);
    if (!/^\S+$/u.test(token)) faults.push(`the token of ${name} is empty or has spaces in it`);
    else if (isExposed && token.length < LEAST_LENGTH)
      faults.push(`the token of ${name} has fewer than ${LEAST_LENGTH} characters`);
    if (other !== undefined) faults.push(`${other} and ${name} have the same token`);
    owners.set(token, name);
  }
  if (!isExposed) return faults;
  for (const role of ['viewer', 'operator'])
    if (!tokens.some((token) => token.role === role)) faults.push(`there is no ${role} token`);
  return faults;
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
      return refused(401, 'a bearer token is needed');
    }
    const known = this.#find(token);
    if (known === undefined) return { ...refused(401, 'the token is not known'), isGuess: true };
    if (ALLOWED[need].includes(known.role)) return { ok: true, by: known.name };
    return refused(403, `role ${known.role} does not allow this`);
  }

  /** Looks at every token, so that the time taken does not tell which one was close. */
  #find(token: string): Known | undefined {
    const hash = hashOf(token);
    let found: Known | undefined;
    for (const known of this.#known) if (timingSafeEqual(known.hash, hash)) found = known;
    return found;
  }
}

function refused(status: 401 | 403, detail: string): Admission & { readonly ok: false } {
  return { ok: false, status, detail, isGuess: false };
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
