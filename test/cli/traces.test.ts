// Role: the daemon as it is run, with an SDK that is there before it: its moves are traced, those
// of its rehearsal are not, and before it has stopped all is ended and the SDK was told to send.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { trace, type TracerProvider } from '@opentelemetry/api';
import { expect, it, onTestFinished } from 'vitest';

import { cli, cliHeard } from '../support/cli.ts';
import { RecordingTracer } from '../support/recorded-spans.ts';
import { ROOT } from '../tools/repository.ts';

it('drover run traces its moves, and lets the SDK send them before it ends', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'drover-traced-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const config = join(folder, 'drover.yaml');
  writeFileSync(
    config,
    `apiVersion: drover/v1\nkind: Daemon\nstateDir: ${join(folder, 'state')}\n` +
      'http: { listen: "127.0.0.1:0" }\nschedule: { tickEvery: 1s }\n' +
      `policies: ["${join(ROOT, 'policies', 'demo.yaml')}"]\n` +
      'sources: [{ id: sim, kind: simulated, hosts: 3, vms: 12 }]\n',
  );
  const tracer = new RecordingTracer();
  const openAtFlush: number[] = [];
  const provider: TracerProvider & { forceFlush: () => Promise<void> } = {
    getTracer: () => tracer,
    forceFlush: async () => {
      openAtFlush.push(tracer.spans.filter((span) => span.isRecording()).length);
    },
  };
  trace.setGlobalTracerProvider(provider);
  onTestFinished(() => trace.disable());

  const stop = new AbortController();
  const run = cliHeard(['run', '--config', config], { stop: stop.signal, hear: () => undefined });
  while ((await cli(['evacuate', 'host-01', '--config', config])).code !== 0) await moment();
  while (tracer.roots.length === 0) await moment();
  stop.abort();
  expect((await run).code).toBe(0);
  expect(tracer.roots.map(({ attributes }) => attributes['drover.source_host.id'])).toEqual(
    tracer.roots.map(() => 'host-01'),
  );
  expect(openAtFlush).toEqual([0]);
});

function moment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 100));
}
