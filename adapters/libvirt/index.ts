/** libvirt as an adapter: what the configuration calls `libvirt`. */

import { fail, ok } from '../../src/domain/result.ts';
import { defineAdapter } from '../adapter.ts';
import { LibvirtHypervisor } from './hypervisor.ts';
import { libvirtOptions, optionProblems, type LibvirtOptions } from './options.ts';

export const adapter = defineAdapter<LibvirtOptions>({
  kind: 'kvm',
  parse(options) {
    const parsed = libvirtOptions.safeParse(options);
    if (!parsed.success) {
      return fail(
        parsed.error.issues.map(({ path, message }) => ({
          path: path.filter((step) => typeof step !== 'symbol'),
          message,
          expected: 'see adapters/libvirt/README.md',
        })),
      );
    }
    const problems = optionProblems(parsed.data);
    return problems.length === 0 ? ok(parsed.data) : fail(problems);
  },
  async create(options, dependencies) {
    return new LibvirtHypervisor(options, dependencies);
  },
});
