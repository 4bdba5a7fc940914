/**
 * The daemon's own configuration, `drover.yaml`: what it is connected to and how it runs. What it
 * decides is in the policies. Everything has a default; secrets may come from a file or from the
 * environment, and never appear in a message.
 */

import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { ClusterId, SourceId } from '../domain/ids.ts';
import { type Result, fail, ok } from '../domain/result.ts';
import type { Bytes, Seconds } from '../domain/units.ts';
import { type DaemonEntries, daemonSchema } from './daemon-schema.ts';
import { type ConfigDocument, readYaml } from './document.ts';
import { unreadable } from './policies.ts';
import { type ConfigProblem, tidyProblems } from './problem.ts';
import { type SecretEntry, type Surroundings, readSecret } from './secrets.ts';
import { validate } from './validate.ts';

export interface SourceConfig {
  readonly id: string;
  /** Name of an adapter. */
  readonly kind: string;
  /** For the adapter's own parser. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** Only what was written; the collector knows what the rest defaults to. */
export interface PrometheusConfig {
  readonly source: SourceId;
  readonly url: string;
  readonly bearerToken: string | undefined;
  readonly hostLabel?: string;
  readonly hostPattern?: RegExp;
  readonly vmLabel?: string;
  readonly aliases?: Readonly<Record<string, string>>;
  readonly timeoutSeconds?: Seconds;
  readonly lookBackSeconds?: Seconds;
  readonly partialAnswers?: 'refuse' | 'accept';
}

/** A device that switches the power of a host. */
export interface FencingConfig {
  /** Id or name. */
  readonly host: string;
  readonly agent: string;
  readonly options: Readonly<Record<string, string>>;
  readonly password: string | undefined;
  readonly timeoutSeconds: number;
}

/** Where a host answers past its hypervisor. */
export interface ProbeConfig {
  readonly host: string;
  readonly address: string;
  readonly port: number;
}

/** Where a guest answers. */
export interface GuestProbeConfig {
  readonly vm: string;
  readonly address: string;
  readonly port: number;
}

/** How hosts are asked whether they reach one that does not answer. */
export interface PeerProbeConfig {
  /** The program and its arguments, with `{peer}` and `{host}` in them. */
  readonly command: readonly string[];
  /** How many hosts are asked about one at most; 2..16. */
  readonly peers: number;
  readonly timeoutSeconds: Seconds;
}

export interface InfluxConfig {
  readonly url: string;
  readonly token: string;
  readonly org: string;
  readonly bucket: string;
}

export interface TokenConfig {
  readonly name: string;
  readonly role: 'viewer' | 'operator' | 'alert';
  readonly token: string;
}

export interface LedgerConfig {
  readonly url: string;
  readonly password: string | undefined;
}

export interface ControllerConfig {
  /** Undefined: the machine's. */
  readonly name: string | undefined;
  /** Empty: all that it sees. */
  readonly clusters: readonly ClusterId[];
  readonly leaseSeconds: Seconds;
  /** Looks for the VM that it runs in, and protects it. */
  readonly findOwnVm: boolean;
}

export interface HookConfig {
  readonly name: string;
  readonly action:
    | { readonly kind: 'command'; readonly command: readonly string[] }
    | {
        readonly kind: 'webhook';
        readonly url: string;
        readonly bearerToken: string | undefined;
      };
  readonly timeoutSeconds: Seconds;
  readonly attempts: number;
  readonly wellSeconds: Seconds;
  readonly patienceSeconds: Seconds;
}

export interface DaemonConfig {
  readonly stateDir: string;
  /** Undefined: embedded, in the state folder. */
  readonly ledger: LedgerConfig | undefined;
  readonly controller: ControllerConfig;
  readonly sources: readonly SourceConfig[];
  readonly prometheus: readonly PrometheusConfig[];
  readonly fencing: readonly FencingConfig[];
  readonly probes: readonly ProbeConfig[];
  readonly guestProbes: readonly GuestProbeConfig[];
  /** Undefined: none is asked about another. */
  readonly peerProbe: PeerProbeConfig | undefined;
  readonly influx: InfluxConfig | undefined;
  /** Policy files and folders, absolute; empty: the shipped default policy. */
  readonly policies: readonly string[];
  readonly http: {
    readonly host: string;
    readonly port: number;
    readonly tokens: readonly TokenConfig[];
  };
  readonly schedule: {
    readonly collectEverySeconds: Seconds;
    readonly tickEverySeconds: Seconds;
    readonly housekeepingEverySeconds: Seconds;
    readonly windowSeconds: Seconds;
  };
  readonly maintenance: { readonly hooks: readonly HookConfig[] };
  readonly alerts: { readonly expireAfterSeconds: Seconds };
  readonly replay: { readonly keepForSeconds: Seconds; readonly keepAtMostBytes: Bytes };
  readonly log: {
    readonly level: DaemonEntries['log']['level'];
    readonly format: DaemonEntries['log']['format'];
  };
}

/** $DROVER_STATE_DIR; /var/lib/drover for root, else below $XDG_STATE_HOME or ~/.local/state. */
export function defaultStateDir(env: Readonly<Record<string, string | undefined>>): string {
  const own = env['DROVER_STATE_DIR'];
  if (own !== undefined && own !== '') return resolve(own);
  if (process.getuid?.() === 0 && env['XDG_STATE_HOME'] === undefined) return '/var/lib/drover';
  const base = env['XDG_STATE_HOME'] ?? join(env['HOME'] ?? homedir(), '.local', 'state');
  return join(base, 'drover');
}

/** What an empty file would give. */
export function defaultDaemonConfig(
  env: Readonly<Record<string, string | undefined>> = process.env,
): DaemonConfig {
  const entries = daemonSchema.parse({ apiVersion: 'drover/v1', kind: 'Daemon' });
  return configOf(entries, { env, folder: process.cwd() }, () => undefined);
}

/** Pure but for the files that hold secrets. Paths in the file are relative to its folder. */
export function parseDaemonConfig(
  text: string,
  file: string,
  env: Readonly<Record<string, string | undefined>>,
): Result<DaemonConfig, readonly ConfigProblem[]> {
  const document = readYaml(text, file);
  if (!document.ok) return fail(tidyProblems(document.error));
  const entries = validate(daemonSchema, document.value);
  if (!entries.ok) return fail(tidyProblems(entries.error));
  const problems: ConfigProblem[] = [...doubleNames(entries.value, document.value)];
  const around: Surroundings = { env, folder: resolve(dirname(file)) };
  const config = configOf(entries.value, around, (entry, path) => {
    const secret = readSecret(entry, around);
    if (secret.ok) return secret.value;
    problems.push(problemOf(document.value, path, secret.error));
    return undefined;
  });
  return problems.length > 0 ? fail(tidyProblems(problems)) : ok(config);
}

export async function loadDaemonConfig(
  file: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Result<DaemonConfig, readonly ConfigProblem[]>> {
  try {
    return parseDaemonConfig(await readFile(file, 'utf8'), file, env);
  } catch (error) {
    return fail([unreadable(file, error)]);
  }
}

/** Where a daemon keeps what it remembers. */
export type DaemonPlace = Pick<DaemonConfig, 'stateDir' | 'ledger'>;

/**
 * Only where the daemon keeps what it remembers. Its secrets are not read, because who asks a
 * daemon need not be allowed to: `secrets` says which of them is needed all the same.
 */
export async function loadPlace(
  file: string,
  env: Readonly<Record<string, string | undefined>>,
  secrets: 'none' | 'ledger' = 'none',
): Promise<Result<DaemonPlace, readonly ConfigProblem[]>> {
  try {
    const document = readYaml(await readFile(file, 'utf8'), file);
    if (!document.ok) return fail(tidyProblems(document.error));
    const entries = validate(daemonSchema, document.value);
    if (!entries.ok) return fail(tidyProblems(entries.error));
    const around: Surroundings = { env, folder: resolve(dirname(file)) };
    const problems: ConfigProblem[] = [];
    const { stateDir, ledger } = configOf(entries.value, around, (entry, path) => {
      if (secrets === 'none' || path[0] !== secrets) return undefined;
      const secret = readSecret(entry, around);
      if (secret.ok) return secret.value;
      problems.push(problemOf(document.value, path, secret.error));
      return undefined;
    });
    return problems.length > 0 ? fail(tidyProblems(problems)) : ok({ stateDir, ledger });
  } catch (error) {
    return fail([unreadable(file, error)]);
  }
}

function problemOf(
  document: ConfigDocument,
  path: readonly PropertyKey[],
  message: string,
): ConfigProblem {
  const { line, column } = document.place(path, 'value');
  return { file: document.file, line, column, message, expected: '', hint: '' };
}

function doubleNames(entries: DaemonEntries, document: ConfigDocument): ConfigProblem[] {
  const named = [
    ...entries.sources.map(({ id }, i) => ({ id, path: ['sources', i, 'id'] })),
    ...entries.prometheus.map(({ id }, i) => ({ id, path: ['prometheus', i, 'id'] })),
  ];
  const hooks = entries.maintenance.hooks.map(({ name: id }, i) => {
    return { id, path: ['maintenance', 'hooks', i, 'name'] };
  });
  const twice = (kind: string, things: typeof named): ConfigProblem[] => {
    const seen = new Set<string>();
    return things.flatMap(({ id, path }) => {
      if (seen.has(id)) return [problemOf(document, path, `another ${kind} "${id}"`)];
      seen.add(id);
      return [];
    });
  };
  const devices = entries.fencing.map(({ host: id }, i) => {
    return { id, path: ['fencing', i, 'host'] };
  });
  const fenced = twice('fencing device of', devices);
  return [...twice('source', named), ...twice('hook', hooks), ...fenced];
}

type Reader = (entry: SecretEntry, path: readonly PropertyKey[]) => string | undefined;

function configOf(entries: DaemonEntries, around: Surroundings, secret: Reader): DaemonConfig {
  const { alerts, controller, http, influx, ledger, maintenance, replay, schedule, log } = entries;
  return {
    stateDir: resolve(around.folder, entries.stateDir ?? defaultStateDir(around.env)),
    ledger: ledger === undefined ? undefined : ledgerOf(ledger, secret),
    controller: {
      name: controller.name,
      clusters: controller.clusters,
      leaseSeconds: controller.lease,
      findOwnVm: controller.findOwnVm,
    },
    sources: entries.sources.map(({ id, kind, ...options }) => ({ id, kind, options })),
    prometheus: entries.prometheus.map((entry, i) => prometheusOf(entry, i, secret)),
    fencing: entries.fencing.map((entry, i) => fencingOf(entry, i, secret)),
    probes: entries.probes.map(({ host, address }) => {
      return { host, address: address.host, port: address.port };
    }),
    guestProbes: entries.guestProbes.map(({ vm, address }) => {
      return { vm, address: address.host, port: address.port };
    }),
    peerProbe: peerProbeOf(entries),
    influx:
      influx === undefined
        ? undefined
        : {
            url: influx.url,
            org: influx.org,
            bucket: influx.bucket,
            token: secret(influx, ['influx']) ?? '',
          },
    policies: entries.policies.map((path) => resolve(around.folder, path)),
    http: {
      ...http.listen,
      tokens: http.tokens.map((entry, i) => ({
        name: entry.name,
        role: entry.role,
        token: secret(entry, ['http', 'tokens', i]) ?? '',
      })),
    },
    schedule: {
      collectEverySeconds: schedule.collectEvery,
      tickEverySeconds: schedule.tickEvery,
      housekeepingEverySeconds: schedule.housekeepingEvery,
      windowSeconds: schedule.window,
    },
    maintenance: { hooks: maintenance.hooks.map((entry, i) => hookOf(entry, i, secret)) },
    alerts: { expireAfterSeconds: alerts.expireAfter },
    replay: { keepForSeconds: replay.keepFor, keepAtMostBytes: replay.keepAtMost },
    log,
  };
}

/** Without a password file the database is asked as libpq would: its own rules say who may. */
function ledgerOf(
  { url, passwordFile }: NonNullable<DaemonEntries['ledger']>,
  secret: Reader,
): LedgerConfig {
  const entry = { tokenFile: passwordFile };
  const password =
    passwordFile === undefined ? undefined : secret(entry, ['ledger', 'passwordFile']);
  return { url, password };
}

/** A minute is three times what fence agents wait for a power change (power_timeout, 20 s). */
const FENCING_SECONDS = 60;

function fencingOf(
  entry: DaemonEntries['fencing'][number],
  i: number,
  secret: Reader,
): FencingConfig {
  const { host, agent, options = {}, passwordFile, passwordEnv, timeout } = entry;
  const password = { tokenFile: passwordFile, tokenEnv: passwordEnv };
  const hasPassword = passwordFile !== undefined || passwordEnv !== undefined;
  return {
    host,
    agent,
    options,
    password: hasPassword ? secret(password, ['fencing', i]) : undefined,
    timeoutSeconds: timeout ?? FENCING_SECONDS,
  };
}

function peerProbeOf({ peerProbe }: DaemonEntries): PeerProbeConfig | undefined {
  if (peerProbe === undefined) return undefined;
  const { command, peers, timeout } = peerProbe;
  return { command, peers, timeoutSeconds: timeout };
}

function prometheusOf(
  entry: DaemonEntries['prometheus'][number],
  i: number,
  secret: Reader,
): PrometheusConfig {
  const { hostLabel, hostPattern, vmLabel, aliases, timeout, lookBack, partialAnswers } = entry;
  return {
    source: entry.id,
    url: entry.url,
    bearerToken: hasToken(entry) ? secret(entry, ['prometheus', i]) : undefined,
    ...(hostLabel === undefined ? {} : { hostLabel }),
    ...(hostPattern === undefined ? {} : { hostPattern }),
    ...(vmLabel === undefined ? {} : { vmLabel }),
    ...(aliases === undefined ? {} : { aliases }),
    ...(timeout === undefined ? {} : { timeoutSeconds: timeout }),
    ...(lookBack === undefined ? {} : { lookBackSeconds: lookBack }),
    ...(partialAnswers === undefined ? {} : { partialAnswers }),
  };
}

function hookOf(
  entry: DaemonEntries['maintenance']['hooks'][number],
  i: number,
  secret: Reader,
): HookConfig {
  const { name, command, url = '', timeout, attempts, wellFor, patience } = entry;
  const bearerToken = hasToken(entry) ? secret(entry, ['maintenance', 'hooks', i]) : undefined;
  return {
    name,
    action:
      command === undefined ? { kind: 'webhook', url, bearerToken } : { kind: 'command', command },
    timeoutSeconds: timeout,
    attempts,
    wellSeconds: wellFor,
    patienceSeconds: patience,
  };
}

function hasToken({ token, tokenFile, tokenEnv }: SecretEntry): boolean {
  return [token, tokenFile, tokenEnv].some((one) => one !== undefined);
}
