/** Errors as RFC 9457 problem details, with Drover's own `code` and `hint`. */

import type { FastifyReply } from 'fastify';

import type { ApiProblem } from '../ports/api.ts';
import type { Result } from '../domain/result.ts';

export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly hint: string;
}

declare module 'fastify' {
  interface FastifyReply {
    /** What the request is answered with, where that is a problem. */
    problem?: Problem;
  }
}

export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  reply.problem = problem;
  return reply.code(problem.status).type('application/problem+json').send(bodyOf(problem));
}

/** Its body, for where an answer is replaced on its way out. */
export function problemText(problem: Problem): string {
  return JSON.stringify(bodyOf(problem));
}

function bodyOf(problem: Problem): unknown {
  return { type: 'about:blank', title: problem.code, ...problem };
}

/** The value as JSON, or the problem. */
export function sendResult<Value>(
  reply: FastifyReply,
  result: Result<Value, ApiProblem>,
): FastifyReply {
  return result.ok ? reply.send(result.value) : sendProblem(reply, result.error);
}
