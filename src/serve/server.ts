/**
 * The HTTP server: probes, metrics, the read side of the state, orders and webhooks. Listens
 * where it is told; anywhere but on loopback it insists on tokens. It never prints a token.
 */

import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';

import type { Pause } from '../domain/slices.ts';
import type { Api } from '../ports/api.ts';
import { LedgerError } from '../ports/ledger.ts';
import {
  Access,
  isLoopback,
  isLoopbackHostHeader,
  type Need,
  type Token,
  tokenFaults,
} from './access.ts';
import { FailureLimit } from './failure-limit.ts';
import { InvalidRequest } from './parse.ts';
import { sendProblem } from './problems.ts';
import { limitUnread } from './unread-answers.ts';
import { addProbes, addReads, addWebhooks, addWrites, type RejectedAlerts } from './routes.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly need?: Need | 'none';
  }
  interface FastifyRequest {
    /** Name of the token that let the request in. */
    by: string;
  }
}

/** Orders are small; routes that take more say so. */
const LARGEST_BODY_BYTES = 64 * 1024;
/** Characters of a name in a path, percent signs and all: ids have up to 256 characters. */
const LONGEST_PARAMETER = 4_096;
/** Beyond, connections are refused, before they take the file descriptors of the ledger. */
const MOST_CONNECTIONS = 512;
/** Slower senders are cut off. */
const REQUEST_TIMEOUT_MS = 30_000;
/**
 * So is who neither reads nor writes anything for so long. An answer may take its time, too: the
 * command line waits for a minute (ANSWER_TIMEOUT_MS).
 */
const SILENCE_MS = 90_000;

export type HttpServer = FastifyInstance;

export interface ServerParts {
  readonly api: Api;
  readonly tokens: readonly Token[];
  /** The address that the server will listen on. */
  readonly listenHost: string;
  readonly metricsText: () => Promise<string>;
  /** Milliseconds, monotonic: for the limit on failures. */
  readonly monotonicMs: () => number;
  /** Undefined: long answers are put into words in one go. */
  readonly pause?: Pause | undefined;
  /** Of a connection, before it is cut off; default: 90 s. */
  readonly silenceMs?: number;
  readonly onRejectedAlerts: (rejected: RejectedAlerts) => void;
  /** Told about requests that ended in an error of ours. */
  readonly onFailure: (error: unknown) => void;
}

/** Throws when tokens are unusable, or too few or weak for a server that is open to the network. */
export function buildServer(parts: ServerParts): HttpServer {
  const faults = tokenFaults(parts.tokens, !isLoopback(parts.listenHost));
  if (faults.length > 0)
    throw new Error(
      `http.listen ${parts.listenHost}: ${faults.join('; ')}: mend http.tokens ` +
        '(beyond loopback: at least one viewer and one operator), or listen on 127.0.0.1',
    );
  const server = fastify({
    bodyLimit: LARGEST_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: parts.silenceMs ?? SILENCE_MS,
    forceCloseConnections: true,
    logger: false,
    routerOptions: { maxParamLength: LONGEST_PARAMETER },
    // A path that cannot be decoded meets neither the guard nor a route.
    frameworkErrors: (error, _request, reply) => {
      sendProblem(reply, {
        status: error.statusCode ?? 400,
        code: 'invalid',
        detail: 'the path cannot be read',
        hint: '',
      });
    },
  });
  server.server.maxConnections = MOST_CONNECTIONS;
  server.decorateRequest('by', '');
  server.addHook('onRequest', async (_request, reply) => {
    reply.headers(HEADERS);
  });
  server.addHook('onRequest', guard(parts));
  limitUnread(server);
  server.setErrorHandler((error, _request, reply) => handleError(error, reply, parts));
  server.setNotFoundHandler((request, reply) =>
    sendProblem(reply, {
      status: 404,
      code: 'no-such-path',
      detail: `${request.method} ${request.url} does not exist`,
      hint: 'the paths begin with /api/v1',
    }),
  );
  addProbes(server, parts.api);
  server.get('/metrics', { config: { need: 'read' } }, async (_request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(await parts.metricsText()),
  );
  addReads(server, parts.api, parts.pause);
  addWrites(server, parts.api);
  addWebhooks(server, parts.api, parts.onRejectedAlerts);
  return server;
}

/** The answers are data, for the one who asked; a browser is to make nothing else of them. */
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

function guard(parts: ServerParts) {
  const access = new Access(parts.tokens);
  const failures = new FailureLimit(parts.monotonicMs);
  const onLoopback = isLoopback(parts.listenHost);
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (onLoopback && !isLoopbackHostHeader(request.headers.host)) {
      await sendProblem(reply, FOREIGN_HOST);
      return;
    }
    if (request.is404) return;
    // A route that does not say what it needs is one that somebody forgot.
    const need = request.routeOptions.config.need ?? 'write';
    if (need === 'none') return;
    const { ip, headers } = request;
    const hasToken = headers.authorization !== undefined;
    const admission = access.admit(need, headers.authorization);
    const by = admission.ok ? admission.by : '';
    if (hasToken && failures.isBlocked(ip) && !failures.isFriend(ip, by)) {
      await sendProblem(reply, TOO_MANY);
      return;
    }
    if (admission.ok) {
      if (hasToken) failures.befriend(ip, by);
      request.by = by;
      return;
    }
    if (admission.isGuess) failures.count(ip);
    const { status, detail } = admission;
    const hint = 'Authorization: Bearer TOKEN, of a role that allows it';
    await sendProblem(reply, { status, code: 'not-allowed', detail, hint });
  };
}

const FOREIGN_HOST = {
  status: 421,
  code: 'foreign-host',
  detail: 'the Host header does not name this machine',
  hint: 'ask for http://127.0.0.1:PORT',
};

const TOO_MANY = {
  status: 429,
  code: 'too-many-failures',
  detail: 'too many refused requests from this address',
  hint: 'wait a minute, and check the token',
};

function handleError(error: unknown, reply: FastifyReply, parts: ServerParts): FastifyReply {
  if (error instanceof InvalidRequest)
    return sendProblem(reply, { status: 400, code: 'invalid', detail: error.message, hint: '' });
  const status = statusOf(error);
  if (status < 500) {
    const detail = error instanceof Error ? error.message : 'the request was not understood';
    return sendProblem(reply, { status, code: 'invalid', detail, hint: '' });
  }
  parts.onFailure(error);
  // Its message says what to do, and nothing that an operator may not know.
  if (error instanceof LedgerError) {
    const { code, message: detail } = error;
    return sendProblem(reply, { status: 503, code: `ledger-${code}`, detail, hint: '' });
  }
  const detail = 'an error of the daemon; its log says more';
  return sendProblem(reply, { status: 500, code: 'internal', detail, hint: '' });
}

/**
 * Fastify's own errors (bad JSON, body too large) carry the status that fits. Those of others may
 * carry one, too: what a hypervisor answered to the daemon, which is no answer to this request.
 */
function statusOf(error: unknown): number {
  if (!(error instanceof Error) || !('code' in error) || !('statusCode' in error)) return 500;
  const isOurs = String(error.code).startsWith('FST_');
  return isOurs && typeof error.statusCode === 'number' ? error.statusCode : 500;
}
