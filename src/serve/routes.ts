/** The routes: each only translates between HTTP and the Api port. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';

import type { Pause } from '../domain/slices.ts';
import { printable } from '../observe/printable.ts';
import type { Api } from '../ports/api.ts';
import { alertmanagerSchema, alertsOf } from './alertmanager.ts';
import { sendList, sendPieces } from './lists.ts';
import { parse } from './parse.ts';
import { sendProblem, sendResult } from './problems.ts';

/** A full webhook of 5,000 alerts is about 5 MB. */
const LARGEST_WEBHOOK_BYTES = 8 * 1024 * 1024;
/** Some 10,000 moves with their reasons. */
const LARGEST_PLAN_BYTES = 16 * 1024 * 1024;

/** Some 10,000 names of hosts. */
const LONGEST_LIST = 1024 * 1024;

const limitSchema = z.coerce.number().int().min(1).max(10_000);
const nameSchema = z.object({ name: z.string().min(1).max(1_024) });

const pairSchema = z.object({ host: z.string().min(1).max(1_024).optional() });

const migrationsSchema = z.object({ limit: limitSchema.default(50) });
const observedSchema = z.object({
  days: z.coerce.number().int().min(1).max(90).default(14),
  limit: limitSchema.default(100),
});
const historySchema = z
  .object({
    about: z.string().min(1).max(1_024).optional(),
    plan: z.string().min(1).max(1_024).optional(),
    limit: limitSchema.default(100),
  })
  .refine(({ about, plan }) => about === undefined || plan === undefined, {
    message: 'about and plan: give one of them',
  });

/** It goes to terminals, logs and the environment of hooks: on one line, without escapes. */
const reasonSchema = z
  .string()
  .max(1_024)
  .refine((text) => printable(text) === text, 'control characters are not allowed')
  .default('ordered by an operator');

const orderFields = z.strictObject({
  kind: z.enum(['evacuate', 'maintenance']),
  host: z.string().min(1).max(1_024),
  reason: reasonSchema,
  deadlineSeconds: z.number().positive().max(31_536_000).nullable().default(null),
  hook: z.string().min(1).max(256).optional(),
});

const HOOK_MISFIT = { path: ['hook'], error: 'a hook runs in maintenance only' };

function hookFits({ kind, hook }: Pick<z.output<typeof orderFields>, 'kind' | 'hook'>): boolean {
  return hook === undefined || kind === 'maintenance';
}

const orderSchema = orderFields.refine(hookFits, HOOK_MISFIT);

const hostsSchema = z.array(z.string().min(1).max(1_024)).min(1).max(10_000);

const ordersSchema = orderFields
  .omit({ host: true })
  .extend({ hosts: hostsSchema })
  .refine(hookFits, HOOK_MISFIT);

const estimateSchema = orderFields
  .omit({ host: true, reason: true, hook: true })
  .extend({ hosts: hostsSchema });

const areaSchema = z.strictObject({
  kind: z.enum(['site', 'cluster']),
  name: z.string().min(1).max(256),
});
const areaOrderSchema = orderFields
  .pick({ reason: true, deadlineSeconds: true })
  .extend({ area: areaSchema });

const cancelSchema = z.strictObject({ withdraw: z.boolean().default(false) });

const rollingSchema = z.strictObject({
  names: z.array(z.string().min(1).max(1_024)).min(1).max(10_000),
  batch: z.number().int().min(1).max(1_000).default(1),
  hook: z.string().min(1).max(256).optional(),
  reason: reasonSchema,
  dryRun: z.boolean().default(false),
});

/** Needs nothing but an open port: for load balancers and service managers. */
export function addProbes(server: FastifyInstance, api: Api): void {
  server.get('/livez', { config: { need: 'none' } }, async () => ({ live: true }));
  server.get('/readyz', { config: { need: 'none' } }, async (_request, reply) => {
    const readiness = api.readiness();
    return reply.code(readiness.ready ? 200 : 503).send(readiness);
  });
}

export function addReads(server: FastifyInstance, api: Api, pause: Pause | undefined): void {
  const read = { config: { need: 'read' } } as const;
  server.get('/api/v1/status', read, async () => api.status());
  server.get('/api/v1/hosts', read, async (_request, reply) => sendList(reply, api.hosts(), pause));
  server.get('/api/v1/vms', read, async (_request, reply) => sendList(reply, api.vms(), pause));
  server.get('/api/v1/findings', read, async () => api.status().findings);
  server.get('/api/v1/breakers', read, async () => api.status().breakers);
  server.get('/api/v1/orders', read, async () => api.orders());
  server.get('/api/v1/rollings', read, async () => api.rollings());
  server.get('/api/v1/plan', read, async (_request, reply) => sendResult(reply, api.latestPlan()));
  server.get('/api/v1/snapshot', read, async (_request, reply) => {
    const file = api.fleetFile();
    return file.ok ? sendPieces(reply, file.value, pause) : sendResult(reply, file);
  });
  server.get('/api/v1/migrations', read, async (request) =>
    api.migrations(parse(migrationsSchema, request.query).limit),
  );
  server.get('/api/v1/observed', read, async (request) =>
    api.observed(parse(observedSchema, request.query)),
  );
  server.get('/api/v1/history', read, async (request, reply) => {
    const asked = parse(historySchema, request.query);
    return sendResult(reply, await api.history({ ...asked, about: asked.about }));
  });
  server.get('/api/v1/locate/:name', read, async (request, reply) =>
    sendResult(reply, await api.locate(parse(nameSchema, request.params).name)),
  );
  server.get('/api/v1/apply/:name', read, async (request, reply) =>
    sendResult(reply, await api.applied(parse(nameSchema, request.params).name)),
  );
  server.get('/api/v1/why/:name', read, async (request, reply) => {
    const { name } = parse(nameSchema, request.params);
    return sendResult(reply, await api.why(name, parse(pairSchema, request.query).host));
  });
}

function addOrders(server: FastifyInstance, api: Api): void {
  const write = { config: { need: 'write' } } as const;
  server.post('/api/v1/orders', write, async (request, reply) => {
    const order = parse(orderSchema, request.body);
    const by = { kind: 'operator', name: request.by } as const;
    return sendResult(reply, await api.giveOrder({ ...order, by, dedupeKey: '' }));
  });
  server.post(
    '/api/v1/orders/batch',
    { ...write, bodyLimit: LONGEST_LIST },
    async (request, reply) => {
      const order = parse(ordersSchema, request.body);
      const by = { kind: 'operator', name: request.by } as const;
      return sendResult(reply, await api.giveOrders({ ...order, by, dedupeKey: '' }));
    },
  );
  server.post('/api/v1/orders/estimate', write, async (request, reply) =>
    sendResult(reply, await api.estimate(parse(estimateSchema, request.body))),
  );
}

export function addWrites(server: FastifyInstance, api: Api): void {
  const write = { config: { need: 'write' } } as const;
  addOrders(server, api);
  server.post('/api/v1/areas/evacuate', write, async (request, reply) => {
    const wanted = parse(areaOrderSchema, request.body);
    return sendResult(reply, await api.evacuateArea({ ...wanted, by: request.by }));
  });
  server.post('/api/v1/areas/estimate', write, async (request, reply) => {
    const wanted = parse(areaOrderSchema, request.body);
    return sendResult(reply, await api.estimateArea({ ...wanted, by: request.by }));
  });
  server.post('/api/v1/areas/return', write, async (request, reply) =>
    sendResult(reply, await api.returnArea(parse(areaSchema, request.body), request.by)),
  );
  server.post('/api/v1/rollings', write, async (request, reply) => {
    const wanted = parse(rollingSchema, request.body);
    return sendResult(reply, await api.startRolling({ ...wanted, by: request.by }));
  });
  for (const what of ['pause', 'resume', 'cancel'] as const) {
    server.post(`/api/v1/rollings/:name/${what}`, write, async (request, reply) => {
      const { name } = parse(nameSchema, request.params);
      return sendResult(reply, await api.steerRolling(name, what, request.by));
    });
  }
  server.post('/api/v1/hosts/:name/return', write, async (request, reply) => {
    const { name } = parse(nameSchema, request.params);
    return sendResult(reply, await api.returnHost(name, request.by));
  });
  for (const [path, paused] of [
    ['/api/v1/pause', true],
    ['/api/v1/resume', false],
  ] as const) {
    server.post(path, write, async (request) => {
      await api.setPaused(paused, request.by);
      return { paused };
    });
  }
  server.post('/api/v1/cancel/:name', write, async (request, reply) => {
    const { name } = parse(nameSchema, request.params);
    const { withdraw } = parse(cancelSchema, request.body ?? {});
    return sendResult(reply, await api.cancel({ name, by: request.by, withdraw }));
  });
  server.post('/api/v1/leases/:name/confirm', write, async (request, reply) => {
    const { name } = parse(nameSchema, request.params);
    return sendResult(reply, await api.confirmLease(name, request.by));
  });
  server.post('/api/v1/breakers/:name/reset', write, async (request, reply) => {
    const { name } = parse(nameSchema, request.params);
    return sendResult(reply, await api.resetBreaker(name, request.by));
  });
  const large = { ...write, bodyLimit: LARGEST_PLAN_BYTES } as const;
  server.post('/api/v1/apply', large, async (request, reply) =>
    sendResult(reply, await api.apply(request.body, request.by)),
  );
  server.post('/api/v1/plans/:name/approve', write, async (request, reply) => {
    const { name } = parse(nameSchema, request.params);
    return sendResult(reply, await api.approve(name, request.by));
  });
}

/** Alerts that were refused, or cut off before: whole calls, counted as one, or single ones. */
export interface RejectedAlerts {
  /** Code of the problem; `truncated`: the sender has cut them off. */
  readonly reason: string;
  readonly count: number;
  readonly detail: string;
}

/** @param onRejected told also of what is refused before it comes here: tokens, sizes. */
export function addWebhooks(
  server: FastifyInstance,
  api: Api,
  onRejected: (rejected: RejectedAlerts) => void,
): void {
  const alert = {
    bodyLimit: LARGEST_WEBHOOK_BYTES,
    config: { need: 'alert' },
    onSend: async (_request: FastifyRequest, { problem }: FastifyReply) => {
      // Those of ours (5xx) are sent again.
      if (problem === undefined || problem.status >= 500) return;
      onRejected({ reason: problem.code, count: 1, detail: problem.detail });
    },
  } as const;
  server.post('/api/v1/webhooks/alertmanager', alert, async (request, reply) => {
    const readiness = api.readiness();
    // 503 makes Alertmanager try again; a 200 now would lose the alert.
    if (!readiness.ready) return sendProblem(reply, notReady(readiness.reasons));
    const payload = parse(alertmanagerSchema, request.body);
    if (payload.truncatedAlerts > 0) onRejected(cutOff(payload.truncatedAlerts));
    const { alerts, invalid } = alertsOf(payload);
    const [first] = invalid;
    if (first !== undefined)
      onRejected({ reason: 'invalid', count: invalid.length, detail: first.detail });
    return reply.send({ alerts: [...(await api.alerts(alerts)), ...invalid] });
  });
}

function cutOff(count: number): RejectedAlerts {
  const detail =
    `Alertmanager has cut off ${count} of a group: take max_alerts out of the receiver, or group ` +
    'by less';
  return { reason: 'truncated', count, detail };
}

function notReady(reasons: readonly string[]) {
  return {
    status: 503,
    code: 'not-ready',
    detail: reasons.join('; '),
    hint: 'the alert is taken when /readyz says so: send it again',
  };
}
