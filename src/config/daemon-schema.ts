/** The form of `drover.yaml`: each option with its default and its meaning. */

import { z } from 'zod';
import { clusterId, sourceId } from '../domain/ids.ts';
import { fail, ok } from '../domain/result.ts';
import { type Seconds, seconds } from '../domain/units.ts';
import {
  type Field,
  choice,
  duration,
  field,
  flag,
  group,
  list,
  name,
  secretText,
  size,
  table,
  text,
  whole,
} from './fields.ts';
import { DURATION } from './quantities.ts';
import { option, optional, section } from './options.ts';

/** Seconds (a week): a timer of node that is set to more than 24.8 days is due at once. */
const LONGEST_WAIT = 604_800;

const secret = {
  token: optional(secretText(), 'The token itself; better in a file.'),
  tokenFile: optional(text('the path of a file'), 'A file that holds the token.'),
  tokenEnv: optional(text('a name'), 'The environment variable that holds the token.'),
};

/** http(s), and no credentials in it: they would end up in logs. */
function address(): Field<string> {
  const expected = 'an address like "http://prometheus:9090", without credentials';
  return field(expected, { type: 'string', format: 'uri' }, (input) => {
    const url = typeof input === 'string' && URL.canParse(input) ? new URL(input) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol)) return fail('not an address');
    if (url.username !== '' || url.password !== '') return fail('an address with credentials');
    return ok(String(input));
  });
}

function pattern(): Field<RegExp> {
  const expected = 'a regular expression whose first group is the host';
  return field(expected, { type: 'string', format: 'regex' }, (input) => {
    if (typeof input !== 'string' || !input.includes('(')) return fail('no pattern with a group');
    try {
      return ok(new RegExp(input, 'u'));
    } catch {
      return fail('not a regular expression');
    }
  });
}

/** No password in it: it would end up in logs. */
function databaseAddress(): Field<string> {
  const expected = 'an address like "postgres://drover@db1:5432/drover", without a password';
  return field(expected, { type: 'string', format: 'uri' }, (input) => {
    const url = typeof input === 'string' && URL.canParse(input) ? new URL(input) : undefined;
    if (url === undefined || !/^postgres(?:ql)?:$/.test(url.protocol)) {
      return fail('not the address of a PostgreSQL database');
    }
    if (url.password !== '') return fail('an address with a password: use passwordFile');
    return ok(String(input));
  });
}

/** "host:port"; an IPv6 address in brackets. */
function listenAddress(): Field<{ readonly host: string; readonly port: number }> {
  const expected = 'an address like "127.0.0.1:7466" or "[::1]:7466"';
  return field(expected, { type: 'string' }, (input) => {
    const form = /^(?:\[([0-9a-fA-F:]+)\]|([^:\s[\]]+)):(\d{1,5})$/;
    const [, six, other, digits] = (typeof input === 'string' ? form.exec(input) : null) ?? [];
    const host = six ?? other;
    const port = Number(digits);
    if (host === undefined || !(port <= 65_535)) return fail('not an address to listen on');
    return ok({ host, port });
  });
}

const PERIOD =
  'a period that divides a minute, an hour or a day evenly, like "20s", "5m", "6h" or "1d"';

/** Seconds: cron fires so many units of time apart within the next larger one. */
const UNITS = [
  { unit: 1, whole: 60 },
  { unit: 60, whole: 3600 },
  { unit: 3600, whole: 86_400 },
] as const;

/** Only what the schedule keeps (src/app/schedule.ts): another would be a shorter one there. */
function period(): Field<Seconds> {
  const number = { type: 'number', minimum: 1, maximum: 86_400 };
  const schema = { anyOf: [number, { type: 'string', pattern: DURATION.pattern }] };
  return field(PERIOD, schema, (input) => {
    const given = typeof input === 'number' ? ok(input) : DURATION.parse(String(input));
    if (!given.ok) return given;
    const { value } = given;
    if (!(value >= 1)) return fail(`${value} is less than 1`);
    const isKept = UNITS.some(({ unit, whole }) => value % unit === 0 && whole % value === 0);
    return isKept ? ok(seconds(value)) : fail(`every ${value} s is not kept evenly`);
  });
}

const source = z.looseObject({
  id: name('a name for this source'),
  kind: name('the name of an adapter'),
});

const prometheus = group({
  id: name('a name for this source', sourceId),
  url: address(),
  ...secret,
  hostLabel: optional(text('a label'), 'Label that names the host; default instance.'),
  hostPattern: optional(pattern(), "Takes the host's name or id out of the label."),
  vmLabel: optional(text('a label'), 'Label that names the VM; default domain.'),
  aliases: optional(table(text('a host')), 'What the pattern gave → the host.'),
  timeout: optional(duration({ above: 0, max: LONGEST_WAIT }), 'Per query; default 10s.'),
  lookBack: optional(duration({ above: 0 }), 'At least twice the scrape interval; default 2m.'),
  partialAnswers: optional(
    choice(['refuse', 'accept']),
    'Answers that the server calls incomplete (a store of Thanos is away): that query gives ' +
      'nothing (default refuse), or they are used, and told.',
  ),
});

const hook = group({
  name: name('a name'),
  command: optional(list(text('an argument')), 'Run without a shell: the program, its arguments.'),
  url: optional(address(), 'Or a webhook: a POST with JSON; 2xx means done.'),
  ...secret,
  timeout: option(
    duration({ above: 0, max: LONGEST_WAIT }),
    '30m',
    'The command is ended, or the webhook given up; at most 7d.',
  ),
  attempts: option(
    whole('a number of attempts', { min: 1, max: 100 }),
    1,
    'How often it may be run, also after a restart of Drover; more than 1 only where a second ' +
      'run does no harm.',
  ),
  wellFor: option(
    duration(),
    '5m',
    'So long after it nothing speaks against the host before its VMs come home.',
  ),
  patience: option(
    duration({ above: 0 }),
    '30m',
    'So long after it the host may take to become well.',
  ),
}).refine(({ command, url }) => (command === undefined) !== (url === undefined), {
  message: 'says not what to do',
  params: { expected: 'either command or url' },
});

/** `name=value` lines are what an agent reads: a value with a line break would be two options. */
function agentOption(): Field<string> {
  const scalar = { type: ['string', 'number', 'boolean'] };
  return field('text, a number, true or false, in one line', scalar, (input) => {
    if (typeof input === 'boolean') return ok(input ? '1' : '0');
    if (typeof input !== 'string' && typeof input !== 'number') return fail('not one line');
    return /[\n\r]/.test(String(input)) ? fail('more than one line') : ok(String(input));
  });
}

function agentName(): Field<string> {
  const expected = 'the name of a fence agent like "fence_ipmilan", or its absolute path';
  return field(expected, { type: 'string' }, (input) =>
    typeof input === 'string' && /^(?:fence_[\w.-]+|\/[^\0\n]+)$/.test(input)
      ? ok(input)
      : fail('no fence agent'),
  );
}

const fenceDevice = group({
  host: text('the id or name of a host'),
  agent: agentName(),
  options: optional(
    table(agentOption()),
    'As the agent calls them (`AGENT -o metadata`), without action and password.',
  ),
  passwordFile: optional(text('the path of a file'), 'A file that holds the password.'),
  passwordEnv: optional(text('a name'), 'The environment variable that holds the password.'),
  timeout: optional(
    duration({ min: 1, max: LONGEST_WAIT }),
    'Longest time of one call; default 1m.',
  ),
}).superRefine((device, context) => {
  for (const name of ['action', 'password', 'passwd', 'passwd_script', 'password_script']) {
    if (device.options === undefined || !Object.hasOwn(device.options, name)) continue;
    const message = name === 'action' ? 'Drover sets the action' : 'use passwordFile';
    context.addIssue({ code: 'custom', message, path: ['options', name] });
  }
});

const probe = group({
  host: text('the id or name of a host'),
  address: listenAddress(),
});

const guestProbe = group({
  vm: text('the id or name of a VM'),
  address: listenAddress(),
});

/** Where every host is asked the same, or about the same one, the answer is of no host. */
const PLACES = ['{peer}', '{host}'] as const;

const peerCommand = list(text('an argument')).superRefine(([program, ...args], context) => {
  const complain = (message: string, hint: string): void => {
    const expected = `a program, and arguments with ${PLACES.join(' and ')} in them`;
    context.addIssue({ code: 'custom', message, params: { expected, hint } });
  };
  if (program === undefined) {
    complain('names no program', "try [ssh, '{peer}', nc, -z, -w, '3', '{host}', '22']");
    return;
  }
  if (PLACES.some((place) => program.includes(place))) {
    complain('the program has the name of a host in it', 'put it into an argument');
  }
  for (const place of PLACES.filter((one) => !args.some((argument) => argument.includes(one)))) {
    const hint = place === '{peer}' ? 'it stands for who is asked' : 'it stands for who is silent';
    complain(`no argument has ${place} in it`, hint);
  }
});

/** Seconds: shorter than the executor waits for an answer (ASK_SECONDS of host-signs.ts). */
const LONGEST_PEER_WAIT = 20;

const PEER_COMMAND =
  'Run without a shell for each host that is asked: `{peer}` is its name, `{host}` that of the ' +
  'silent one. It ends with 0: reached; with 1: not reached; else: not known.';

const peerProbe = group({
  command: peerCommand.meta({ doc: PEER_COMMAND, description: PEER_COMMAND }),
  peers: option(
    whole('a number of hosts', { min: 2, max: 16 }),
    3,
    'So many are asked at most, of its cluster first; two at least have to say that they do not ' +
      'reach it.',
  ),
  timeout: option(
    duration({ min: 1, max: LONGEST_PEER_WAIT }),
    '10s',
    'Longest time of one question, at most 20s; then its processes are killed.',
  ),
});

const token = group({
  name: name('who it was given to'),
  role: choice(['viewer', 'operator', 'alert']),
  ...secret,
});

export const daemonSchema = group({
  apiVersion: choice(['drover/v1']),
  kind: choice(['Daemon']),
  stateDir: optional(
    text('a folder'),
    'Ledger and state; default $DROVER_STATE_DIR, else $XDG_STATE_HOME/drover or ' +
      '~/.local/state/drover, as root /var/lib/drover.',
  ),
  ledger: optional(
    group({
      url: databaseAddress(),
      passwordFile: optional(text('the path of a file'), 'A file that holds the password.'),
    }),
    'A PostgreSQL database that several controllers share; none: a file in stateDir.',
  ),
  controller: section({
    name: optional(text('a name'), 'For people; default: the name of the machine.'),
    clusters: option(
      list(name('a cluster', clusterId)),
      [],
      'With a shared ledger: the clusters that it may act on; none named: all that it sees.',
    ),
    lease: option(
      duration({ min: 10, max: 600 }),
      '30s',
      'With a shared ledger: it stops acting when it could not renew its leases for so long.',
    ),
    findOwnVm: option(
      flag(),
      true,
      'Looks for the VM that it runs in, by the UUID of its machine, and protects it as `own`.',
    ),
  }),
  sources: option(
    list(source),
    [],
    'Hypervisor connections: id, kind, and what the adapter of that kind needs.',
  ),
  prometheus: option(list(prometheus), [], 'Metric stores with the API of Prometheus.'),
  fencing: option(
    list(fenceDevice),
    [],
    'Devices that switch the power of hosts, by the fence agents of the system.',
  ),
  probes: option(
    list(probe),
    [],
    'Where hosts answer themselves, past their hypervisor (SSH, say): an independent sign of life.',
  ),
  guestProbes: option(
    list(guestProbe),
    [],
    'Where guests answer themselves: one that has moved live and does not answer there is told ' +
      'of; one that answers is a sign of life of its host.',
  ),
  peerProbe: optional(
    peerProbe,
    'How hosts that answer are asked whether they reach one that does not: an independent sign. ' +
      'None: they are not asked.',
  ),
  influx: optional(
    group({ url: address(), ...secret, org: text('a name'), bucket: text('a name') }),
    'Where to write measurements to, if anywhere.',
  ),
  policies: option(
    list(text('a path')),
    [],
    'Policy files and folders; none: the default policy that Drover ships with.',
  ),
  http: section({
    listen: option(listenAddress(), '127.0.0.1:7466', 'Address of the HTTP API.'),
    tokens: option(list(token), [], 'Who may do what: viewer, operator or alert.'),
  }),
  schedule: section({
    collectEvery: option(
      period(),
      '30s',
      'How often sources are read. Periods divide a minute, an hour or a day evenly.',
    ),
    tickEvery: option(period(), '1m', 'How often the fleet is judged and planned.'),
    housekeepingEvery: option(period(), '1h', 'How often old records are removed.'),
    window: option(duration({ min: 10 }), '5m', 'What means and percentiles are taken over.'),
  }),
  maintenance: section({
    hooks: option(
      list(hook),
      [],
      'What may be run on a host that maintenance has emptied (`maintenance enter --hook NAME`).',
    ),
  }),
  alerts: section({
    expireAfter: option(
      duration({ min: 60 }),
      '9h',
      'A firing alert that nobody repeats for this long is over; longer than repeat_interval.',
    ),
  }),
  replay: section({
    keepFor: option(
      duration(),
      '7d',
      'What each decision was planned from is kept for so long (`drover replay`); 0s: not at all.',
    ),
    keepAtMost: option(
      size(),
      '256MiB',
      'And no more of it than this, compressed: the oldest goes first.',
    ),
  }),
  log: section({
    level: option(choice(['debug', 'info', 'warn', 'error']), 'info', 'What is logged.'),
    format: option(choice(['json', 'text']), 'json', 'One object a line, or text for people.'),
  }),
});

export type DaemonEntries = z.output<typeof daemonSchema>;
