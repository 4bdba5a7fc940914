/** The simulated datacenter as an adapter: what the configuration calls `simulated`. */

import { z } from 'zod';

import { fail, ok } from '../../src/domain/result.ts';
import { buildDatacenter } from '../../src/simulate/datacenter.ts';
import { defineAdapter } from '../adapter.ts';
import { SimulatedHypervisor } from './simulated-hypervisor.ts';

const OPTIONS = z.strictObject({
  hosts: z.int().min(1).max(10_000).default(24),
  vms: z.int().min(0).max(200_000).default(400),
  seed: z.int().min(0).default(1),
});

export const adapter = defineAdapter<z.output<typeof OPTIONS>>({
  kind: 'simulated',
  parse(options) {
    const parsed = OPTIONS.safeParse(options ?? {});
    if (parsed.success) return ok(parsed.data);
    return fail(
      parsed.error.issues.map(({ path, message }) => ({
        path: path.filter((step) => typeof step !== 'symbol'),
        message,
        expected: 'hosts 1..10000, vms 0..200000, seed: whole numbers, all optional',
      })),
    );
  },
  async create(options, { source, clock }) {
    return new SimulatedHypervisor({
      datacenter: buildDatacenter({ ...options, source }, clock),
      clock,
    });
  },
});
