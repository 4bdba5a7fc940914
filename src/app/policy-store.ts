/**
 * The policies in force. Takes up an edit of the files by itself; an invalid edit is refused whole
 * and the previous good set stays in force, with the errors on show until the file is mended.
 *
 * Watchers miss things (what happens while they start, edits made on another machine of a network
 * file system), so the files are also read again at intervals; what was read counts, not what the
 * watcher said. A file that has vanished is looked for twice: editors and configuration management
 * take it away for a moment while they replace it.
 */

import { createHash } from 'node:crypto';
import { basename, dirname, join, resolve } from 'node:path';

import { watch, type FSWatcher } from 'chokidar';

import { formatProblem } from '../config/problem.ts';
import { parsePolicies, type PolicyFiles, readPolicies } from '../config/policies.ts';
import type { PolicySet } from '../domain/policy.ts';
import type { EventSink } from '../ports/events.ts';
import { RuleBook } from '../rules/rule-book.ts';
import { PolicyErrors } from './input-errors.ts';
import { PACKAGE_ROOT } from './version.ts';

/** What holds where no policy file is named. */
const DEFAULT_POLICY = join(PACKAGE_ROOT, 'policies', 'default.yaml');

/** Editors and config-map swaps write in several steps: act when it has been quiet this long. */
const QUIET_MS = 300;
/** … but not for longer than this many further events. */
const MOST_PUT_OFF = 20;
/** A file that has vanished is believed to be gone when it is still not there after this long. */
const GONE_MS = 2_000;
/** What no watcher sees is found after this long. */
const LOOK_EVERY_MS = 30_000;

/** What is exchanged in a mounted ConfigMap, in one step for all files in it. */
const CONFIG_MAP_LINK = '..data';

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
  /** Of the files as they were last judged. */
  #judged: string;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** How often the timer was set anew since it last ran out. */
  #putOff = 0;
  #secondLook: NodeJS.Timeout | undefined;
  #looks: NodeJS.Timeout | undefined;
  /** Files are read one after the other, so that an older state never replaces a newer one. */
  #reading: Promise<void> = Promise.resolve();
  /** Looks that have begun or wait for their turn. */
  #looking = 0;
  #isClosed = false;

  private constructor(paths: readonly string[], events: EventSink, first: Loaded & { ok: true }) {
    this.#paths = paths;
    this.#events = events;
    this.#inForce = first.inForce;
    this.#judged = first.digest;
  }

  /** Loads the first set. Throws PolicyErrors when it is not valid: there is nothing to keep. */
  static async open(paths: readonly string[], events: EventSink): Promise<PolicyStore> {
    const used = pathsOf(paths);
    return new PolicyStore(used, events, await loadValid(used));
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

  /** From now on edits are taken up by themselves, also those made since `open`. */
  watch(): void {
    // The folder of a file, too: where the file is a link into a folder that is itself exchanged (a
    // mounted ConfigMap), nothing happens to the file, and its watch is lost with the first swap.
    const around = new Set(this.#paths.flatMap((path) => [path, dirname(path)]));
    const ignored = (path: string): boolean => !around.has(path) && !this.#isOurs(path);
    this.#watcher = watch([...around], { ignoreInitial: true, depth: 0, ignored });
    this.#watcher.on('all', () => this.#lookAfter(QUIET_MS));
    this.#watcher.on('ready', () => this.#lookAfter(0));
    this.#watcher.on('error', (error) => this.#fail(error));
    this.#looks = setInterval(() => this.#lookAgain(), LOOK_EVERY_MS).unref();
  }

  /** A folder may be a busy one with much else in it: a policy file in /tmp. */
  #isOurs(path: string): boolean {
    return this.#paths.includes(dirname(path)) || basename(path) === CONFIG_MAP_LINK;
  }

  /** Takes the files as they are at this moment, and says which set is in force then. */
  reload(): Promise<void> {
    return this.#look({ isPatient: false, isAsked: true });
  }

  /** A reading that hangs (a dead network file system) is left behind: it changes nothing more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#secondLook);
    clearInterval(this.#looks);
    await this.#watcher?.close();
  }

  /** A reading that hangs is not asked a second time: each one would hold a thread for good. */
  #lookAgain(): void {
    if (this.#looking === 0) void this.#look(LOOK);
    else this.#fail(new Error('reading them hangs; until it ends no edit is taken up'));
  }

  #lookAfter(milliseconds: number): void {
    // A folder in which it is never quiet is looked at all the same.
    if (this.#timer !== undefined && this.#putOff >= MOST_PUT_OFF) return;
    this.#putOff = this.#timer === undefined ? 0 : this.#putOff + 1;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#look(LOOK);
    }, milliseconds).unref();
  }

  /** Has a timer of its own: whatever else happens in the folder meanwhile does not put it off. */
  #lookOnceMore(): void {
    this.#secondLook ??= setTimeout(() => {
      this.#secondLook = undefined;
      void this.#look({ isPatient: false, isAsked: false });
    }, GONE_MS).unref();
  }

  /** Never rejects: a fault of the reading is told, and the next look starts afresh. */
  #look(how: Look): Promise<void> {
    this.#looking += 1;
    this.#reading = this.#reading
      .then(() => this.#read(how))
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#looking -= 1;
      });
    return this.#reading;
  }

  async #read({ isPatient, isAsked }: Look): Promise<void> {
    const files = await readPolicies(this.#paths);
    if (this.#isClosed) return;
    const digest = digestOf(files);
    if (digest === this.#judged && !isAsked) return;
    if (isPatient && isSomeGone(files, this.policies)) {
      this.#lookOnceMore();
      return;
    }
    this.#judged = digest;
    this.#take(judge(files, digest), isAsked);
  }

  #take(loaded: Loaded, isAsked: boolean): void {
    if (!loaded.ok) {
      this.#errors = loaded.errors;
      this.#events.emit('policies-refused', { errors: loaded.errors });
      return;
    }
    const isMended = this.#errors.length > 0;
    this.#errors = [];
    const isSame = loaded.inForce.policies.revision === this.policies.revision;
    if (!isSame) this.#inForce = loaded.inForce;
    if (isSame && !isMended && !isAsked) return;
    const { revision, files } = this.policies;
    this.#events.emit('policies', { revision, files });
  }

  #fail(error: unknown): void {
    this.#events.emit('failure', { where: 'policy files', error });
  }
}

interface Look {
  /** A file that is not there gets a second chance. */
  readonly isPatient: boolean;
  /** Somebody wants to know: it is told what is in force, also when nothing has changed. */
  readonly isAsked: boolean;
}

const LOOK: Look = { isPatient: true, isAsked: false };

/** Rejects with PolicyErrors, which name every mistake. No files: the shipped default policy. */
export async function loadRules(paths: readonly string[]): Promise<RulesInForce> {
  return (await loadValid(pathsOf(paths))).inForce;
}

type Loaded =
  | { readonly ok: true; readonly inForce: RulesInForce; readonly digest: string }
  | { readonly ok: false; readonly errors: readonly string[] };

function pathsOf(given: readonly string[]): readonly string[] {
  return (given.length === 0 ? [DEFAULT_POLICY] : given).map((path) => resolve(path));
}

async function loadValid(paths: readonly string[]): Promise<Loaded & { ok: true }> {
  const files = await readPolicies(paths);
  const loaded = judge(files, digestOf(files));
  if (!loaded.ok) throw new PolicyErrors(loaded.errors);
  return loaded;
}

function judge(files: PolicyFiles, digest: string): Loaded {
  const policies = parsePolicies(files.sources);
  const problems = [...files.problems, ...(policies.ok ? [] : policies.error)];
  if (!policies.ok || problems.length > 0)
    return { ok: false, errors: problems.map(formatProblem) };
  const rules = RuleBook.compile(policies.value);
  if (!rules.ok) return { ok: false, errors: rules.error };
  return { ok: true, inForce: { policies: policies.value, rules: rules.value }, digest };
}

function digestOf({ sources, problems }: PolicyFiles): string {
  const read = JSON.stringify([sources, problems.map(formatProblem)]);
  return createHash('sha256').update(read).digest('hex');
}

function isSomeGone({ sources, problems }: PolicyFiles, inForce: PolicySet): boolean {
  const there = new Set(sources.map(({ file }) => file));
  return problems.length > 0 || inForce.files.some((file) => !there.has(file));
}
