/** The HTTP server, made of what the daemon consists of. */

import type { DaemonConfig } from '../config/daemon.ts';
import type { Pause } from '../domain/slices.ts';
import type { Api } from '../ports/api.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import { buildServer, type HttpServer } from '../serve/server.ts';
import { AlertRejections } from './alert-rejections.ts';

export interface ServerGiven {
  readonly api: Api;
  readonly events: EventSink;
  readonly registry: { readonly metrics: () => Promise<string> };
  readonly clock: Clock;
  readonly http: DaemonConfig['http'];
  /** Of this machine's command line: an operator's. */
  readonly cliToken: string;
  readonly pause: Pause | undefined;
}

export function makeServer(given: ServerGiven): HttpServer {
  const { api, events, registry, clock, http, cliToken, pause } = given;
  const rejections = new AlertRejections({ clock, events });
  return buildServer({
    api,
    tokens: [...http.tokens, { name: 'cli', role: 'operator', token: cliToken }],
    listenHost: http.host,
    metricsText: () => registry.metrics(),
    monotonicMs: () => clock.monotonic() * 1000,
    pause,
    onRejectedAlerts: (rejected) => rejections.tell(rejected),
    onFailure: (error) => events.emit('failure', { where: 'http', error }),
  });
}
