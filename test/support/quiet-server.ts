// Role: the HTTP server on an Api that knows nothing, with a clock that tests set by hand.
import type { Api } from '../../src/ports/api.ts';
import type { Token } from '../../src/serve/access.ts';
import type { RejectedAlerts } from '../../src/serve/routes.ts';
import { buildServer } from '../../src/serve/server.ts';
import { quietApi } from './quiet-api.ts';

export function quietServer(overrides: Partial<Api>, tokens: readonly Token[], listenHost: string) {
  const { api, asked } = quietApi(overrides);
  const failures: unknown[] = [];
  const rejected: RejectedAlerts[] = [];
  let milliseconds = 0;
  const server = buildServer({
    api,
    tokens,
    listenHost,
    metricsText: async () => 'drover_up 1\n',
    monotonicMs: () => milliseconds,
    onRejectedAlerts: (one) => rejected.push(one),
    onFailure: (error) => failures.push(error),
  });
  return { server, asked, failures, rejected, wait: (ms: number) => (milliseconds += ms) };
}
