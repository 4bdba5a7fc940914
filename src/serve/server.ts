/**
 * The HTTP server: probes, metrics, the read side of the state, orders and webhooks. Listens
 * where it is told; anywhere but on loopback it insists on tokens. It never prints a token.
 */

import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { z } from 'zod';

import type { Api } from '../ports/api.ts';
import { Access, isLoopback, isLoopbackHostHeader, type Need, type Token } from './access.ts';
import { FailureLimit } from './failure-limit.ts';
import { sendProblem } from './problems.ts';
import { addProbes, addReads, addWebhooks, addWrites } from './routes.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly need?: Need | 'none';
  }
  interface FastifyRequest {
    /** Name of the token that let the request in. */
    by: string;
  }
}

/** A full webhook of 5,000 alerts is about 5 MB. */
const LARGEST_BODY_BYTES = 8 * 1024 * 1024;
/** Slower senders are cut off. */
const REQUEST_TIMEOUT_MS = 30_000;

export interface ServerParts {
  readonly api: Api;
  readonly tokens: readonly Token[];
  /** The address that the server will listen on. */
  readonly listenHost: string;
  readonly metricsText: () => Promise<string>;
  /** Milliseconds, monotonic: for the limit on failures. */
  readonly monotonicMs: () => number;
  /** Told about requests that ended in an error of ours. */
  readonly onFailure: (error: unknown) => void;
}

/** Throws when it would be open to the network without tokens. */
export function buildServer(parts: ServerParts): FastifyInstance {
  if (!isLoopback(parts.listenHost) && !hasTokens(parts.tokens))
    throw new Error(
      `http.listen ${parts.listenHost} is not loopback: configure http.tokens with at least one ` +
        'viewer and one operator token, or listen on 127.0.0.1',
    );
  const server = fastify({
    bodyLimit: LARGEST_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    logger: false,
  });
  server.decorateRequest('by', '');
  server.addHook('onRequest', guard(parts));
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
  addReads(server, parts.api);
  addWrites(server, parts.api);
  addWebhooks(server, parts.api);
  return server;
}

function hasTokens(tokens: readonly Token[]): boolean {
  return ['viewer', 'operator'].every((role) => tokens.some((token) => token.role === role));
}

function guard(parts: ServerParts) {
  const access = new Access(parts.tokens);
  const failures = new FailureLimit(parts.monotonicMs);
  const onLoopback = isLoopback(parts.listenHost);
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (onLoopback && !isLoopbackHostHeader(request.headers.host)) {
      await sendProblem(reply, FOREIGN_HOST);
      return;
    }
    const need = request.routeOptions.config.need ?? 'none';
    if (need === 'none') return;
    if (failures.isBlocked(request.ip)) {
      await sendProblem(reply, TOO_MANY);
      return;
    }
    const admission = access.admit(need, request.headers.authorization);
    if (admission.ok) {
      request.by = admission.by;
      return;
    }
    failures.count(request.ip);
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
  if (error instanceof z.ZodError) {
    const detail = z.prettifyError(error);
    return sendProblem(reply, { status: 400, code: 'invalid', detail, hint: '' });
  }
  const status = statusOf(error);
  if (status < 500) {
    const detail = error instanceof Error ? error.message : 'the request was not understood';
    return sendProblem(reply, { status, code: 'invalid', detail, hint: '' });
  }
  parts.onFailure(error);
  const detail = 'an error of the daemon; its log says more';
  return sendProblem(reply, { status: 500, code: 'internal', detail, hint: '' });
}

/** Fastify's own errors (bad JSON, body too large) carry the status that fits. */
function statusOf(error: unknown): number {
  const parsed = z.object({ statusCode: z.number().int().min(400).max(599) }).safeParse(error);
  return parsed.success ? parsed.data.statusCode : 500;
}
