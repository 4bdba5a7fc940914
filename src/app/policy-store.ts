/**
 * The policies in force. Reloads them when a file changes; an invalid edit is refused whole and
 * the previous good set stays in force, with the errors on show until the file is mended.
 */

import { join } from 'node:path';

import { watch, type FSWatcher } from 'chokidar';

import { formatProblem } from '../config/problem.ts';
import { loadPolicies } from '../config/policies.ts';
import type { PolicySet } from '../domain/policy.ts';
import type { EventSink } from '../ports/events.ts';
import { RuleBook } from '../rules/rule-book.ts';
import { PolicyErrors } from './input-errors.ts';
import { PACKAGE_ROOT } from './version.ts';

/** What holds where no policy file is named. */
const DEFAULT_POLICY = join(PACKAGE_ROOT, 'policies', 'default.yaml');

/** Editors and config-map swaps write in several steps: act when it has been quiet this long. */
const QUIET_MS = 300;

/** A valid set and the rules compiled from it. */
export interface RulesInForce {
  readonly policies: PolicySet;
  readonly rules: RuleBook;
}

export class PolicyStore {
  readonly #paths: readonly string[];
  readonly #events: EventSink;
  #inForce: RulesInForce;
  #errors: readonly string[] = [];
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(paths: readonly string[], events: EventSink, first: RulesInForce) {
    this.#paths = paths;
    this.#events = events;
    this.#inForce = first;
  }

  /** Loads the first set. Throws PolicyErrors when it is not valid: there is nothing to keep. */
  static async open(paths: readonly string[], events: EventSink): Promise<PolicyStore> {
    return new PolicyStore(paths, events, await loadRules(paths));
  }

  get policies(): PolicySet {
    return this.#inForce.policies;
  }

  get rules(): RuleBook {
    return this.#inForce.rules;
  }

  /** Why the newest edit was refused; empty when the files are the set in force. */
  get errors(): readonly string[] {
    return this.#errors;
  }

  watch(): void {
    this.#watcher = watch([...this.#paths], { ignoreInitial: true });
    this.#watcher.on('all', () => this.#later());
    this.#watcher.on('error', (error) => this.#fail(error));
  }

  async reload(): Promise<void> {
    const loaded = await load(this.#paths);
    if (!loaded.ok) {
      this.#errors = loaded.errors;
      this.#events.emit('policies-refused', { errors: loaded.errors });
      return;
    }
    this.#errors = [];
    if (loaded.inForce.policies.revision === this.policies.revision) return;
    this.#inForce = loaded.inForce;
    const { revision, files } = this.policies;
    this.#events.emit('policies', { revision, files });
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#watcher?.close();
  }

  #later(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.reload().catch((error: unknown) => this.#fail(error));
    }, QUIET_MS);
  }

  #fail(error: unknown): void {
    this.#events.emit('failure', { where: 'policy files', error });
  }
}

/** Rejects with PolicyErrors, which name every mistake. No files: the shipped default policy. */
export async function loadRules(paths: readonly string[]): Promise<RulesInForce> {
  const loaded = await load(paths);
  if (!loaded.ok) throw new PolicyErrors(loaded.errors);
  return loaded.inForce;
}

type Loaded =
  | { readonly ok: true; readonly inForce: RulesInForce }
  | { readonly ok: false; readonly errors: readonly string[] };

async function load(given: readonly string[]): Promise<Loaded> {
  const paths = given.length === 0 ? [DEFAULT_POLICY] : given;
  const policies = await loadPolicies([...paths]);
  if (!policies.ok) return { ok: false, errors: policies.error.map(formatProblem) };
  const rules = RuleBook.compile(policies.value);
  if (!rules.ok) return { ok: false, errors: rules.error };
  return { ok: true, inForce: { policies: policies.value, rules: rules.value } };
}
