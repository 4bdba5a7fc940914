// An Api that knows nothing and remembers what it was asked to do; tests override single methods.
import { fail, ok } from '../../src/domain/result.ts';
import type { AlertInput, Api, ApiProblem, OrderRequest } from '../../src/ports/api.ts';

const NOTHING: ApiProblem = { status: 404, code: 'not-found', detail: 'nothing here', hint: '' };

export interface Asked {
  readonly orders: OrderRequest[];
  readonly paused: { readonly paused: boolean; readonly by: string }[];
  readonly alerts: AlertInput[];
}

export function quietApi(overrides: Partial<Api> = {}): { api: Api; asked: Asked } {
  const asked: Asked = { orders: [], paused: [], alerts: [] };
  const api: Api = {
    readiness: () => ({ ready: true, reasons: [] }),
    status: () => {
      throw new Error('not asked for in this test');
    },
    hosts: () => [].values(),
    vms: () => [].values(),
    migrations: async () => [],
    history: async () => ok([]),
    observed: async () => {
      throw new Error('not asked for in this test');
    },
    locate: async () => fail(NOTHING),
    why: async () => fail(NOTHING),
    fleetFile: () => fail(NOTHING),
    latestPlan: () => fail(NOTHING),
    orders: async () => [],
    giveOrder: async (request) => {
      asked.orders.push(request);
      return fail(NOTHING);
    },
    giveOrders: async () => fail(NOTHING),
    estimate: async () => fail(NOTHING),
    evacuateArea: async () => fail(NOTHING),
    estimateArea: async () => fail(NOTHING),
    returnArea: async () => fail(NOTHING),
    startRolling: async () => fail(NOTHING),
    rollings: async () => [],
    steerRolling: async () => fail(NOTHING),
    returnHost: async () => fail(NOTHING),
    apply: async () => fail(NOTHING),
    applied: async () => fail(NOTHING),
    cancel: async () => fail(NOTHING),
    setPaused: async (paused, by) => {
      asked.paused.push({ paused, by });
    },
    resetBreaker: async () => fail(NOTHING),
    confirmLease: async () => fail(NOTHING),
    approve: async () =>
      ok({ moves: 1, held: 0, before: 0, gone: 0, elsewhere: 0, text: 'approved' }),
    alerts: async (alerts) => {
      asked.alerts.push(...alerts);
      return alerts.map(({ fingerprint }) => ({
        fingerprint,
        outcome: 'noted',
        host: null,
        detail: '',
      }));
    },
    ...overrides,
  };
  return { api, asked };
}
