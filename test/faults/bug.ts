// Role: a bug that is planted into the daemon, by what stands between it and its ports: the same
// effect as a mistake in the code that uses them, and no code to be changed.
import type { Hypervisor } from '../../src/ports/hypervisor.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import type { Rules } from './script.ts';

export interface Bug {
  hypervisor(port: Hypervisor): Hypervisor;
  ledger(port: Ledger): Ledger;
  /** The rules that the daemon is told, in place of those that the judge goes by. */
  rules(rules: Rules): Rules;
}

export const NO_BUG: Bug = {
  hypervisor: (port) => port,
  ledger: (port) => port,
  rules: (rules) => rules,
};
