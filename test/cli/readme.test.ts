// Role: the pages are true. Commands are run and what they print is compared with what is pasted;
// links, scripts, verbs, files and codes that a page names exist, and those that exist are named.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';

import { EXIT_MEANINGS, type Io } from '../../src/cli/io.ts';
import { runCli } from '../../src/cli/program.ts';
import { pagesWithParts } from '../../src/cli/readme-parts.ts';
import { parseDaemonConfig } from '../../src/config/daemon.ts';
import { parsePolicies } from '../../src/config/policies.ts';
import { REFUSAL_CODES } from '../../src/domain/refusal.ts';
import { METRICS } from '../../src/observe/metrics.ts';
import { cli } from '../support/cli.ts';
import { ROOT } from '../tools/repository.ts';

const folder = mkdtempSync(join(tmpdir(), 'drover-readme-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PAGES = [
  'README.md',
  'CHANGELOG.md',
  'policies/README.md',
  'policies/FACTS.md',
  'src/config/README.md',
  'src/observe/README.md',
  'src/serve/README.md',
  'adapters/README.md',
  'adapters/libvirt/README.md',
  'adapters/simulated/README.md',
];

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const readme = read('README.md');

/** What stands in the fenced blocks of one language. */
function blocks(text: string, language: string): readonly string[] {
  const fenced = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gmu');
  return [...text.matchAll(fenced)].map(([, body]) => body ?? '');
}

interface Pasted {
  readonly command: string;
  readonly output: string;
}

const PASTED: readonly Pasted[] = blocks(readme, 'console').map((body) => {
  const [first = '', ...rest] = body.split('\n');
  return { command: first.replace(/^\$ /u, ''), output: rest.join('\n') };
});

describe('pasted output of the README', () => {
  const exact = PASTED.filter(({ command }) => command.startsWith('npx drover '));

  it('is there', () => {
    expect(exact.length).toBeGreaterThan(1);
    expect(PASTED.some(({ command }) => command.startsWith('npm start'))).toBe(true);
  });

  it.each(exact)('is what comes of $command', async ({ command, output }) => {
    const run = await cli(command.split(' ').slice(2));
    expect(run.err).toBe('');
    expect(output).toBe(run.out);
  });

  it('of npm start has lines of the form that the demonstration prints', async () => {
    const start = PASTED.find(({ command }) => command.startsWith('npm start'));
    const lines = (start?.output ?? '').split('\n').filter((line) => line !== '');
    const shapes = lines.map((line) => ({ line, shape: shapeOf(line) }));
    const printed = await demonstrate((text) => shapes.every(({ shape }) => shape.test(text)));
    const missing = shapes.filter(({ shape }) => !shape.test(printed)).map(({ line }) => line);
    expect(missing).toEqual([]);
  }, 120_000);
});

/** The line with any other figures and any other host and VM. */
function shapeOf(line: string): RegExp {
  const escaped = line.replace(/[\\^$.*+?()[\]{}|]/gu, String.raw`\$&`);
  const free = escaped
    .replace(/mission-critical|business|standard|best-effort/gu, String.raw`\S+`)
    .replace(/[a-z]+-\d+(?:-[a-z])?/gu, String.raw`\S+`)
    .replace(/(?<!\d)-?\d+(?:\\\.\d+)?/gu, String.raw`-?[\d.]+`)
    .replace(/ (?:ms|s|min)(?=\s|,|;|$)/gu, String.raw` (?:ms|s|min(?: \d+ s)?)`)
    .replace(/moves/gu, 'moves?')
    .replace(/ [KMG]iB/gu, ' [KMG]iB')
    .replace(/ {2,}/gu, ' +');
  return new RegExp(`^${free}$`, 'mu');
}

/** Runs the demonstration, small and fast, until what it printed is enough. */
async function demonstrate(isEnough: (printed: string) => boolean): Promise<string> {
  const stop = new AbortController();
  let printed = '';
  const io: Io = {
    out: (text) => {
      printed += text;
      if (isEnough(printed)) stop.abort();
    },
    drained: () => Promise.resolve(),
    err: () => undefined,
    log: { write: () => undefined, lost: new AbortController().signal },
    env: { XDG_STATE_HOME: folder },
    isTty: false,
    onHangup: () => () => undefined,
    stop: stop.signal,
  };
  const size = ['--hosts', '24', '--vms', '400', '--speed', '120'];
  await runCli(['demo', '--for', '60s', ...size], io);
  return printed;
}

describe.each(PAGES)('%s', (page) => {
  const text = read(page);

  it('has links to files that exist', () => {
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/gu)].map(([, to]) => to ?? '');
    const broken = links.filter((to) => !existsSync(join(ROOT, dirname(page), to)));
    expect(broken).toEqual([]);
  });

  it('names npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [...text.matchAll(/npm run (?:--silent )?([a-z:]+)/gu)].map(([, to]) => to ?? '');
    expect(named.filter((script) => !Object.hasOwn(scripts, script))).toEqual([]);
  });

  it('names verbs that exist', async () => {
    const { out } = await cli(['--help']);
    const verbs = [...out.matchAll(/^ {2}([a-z]+) /gmu)].map(([, verb]) => verb);
    const named = [...text.matchAll(/npx drover ([a-z]+)/gu)].map(([, verb]) => verb);
    expect(named.filter((verb) => !verbs.includes(verb))).toEqual([]);
  });
});

describe('the README', () => {
  it('shows a configuration and a policy that are valid', () => {
    const whole = blocks(readme, 'yaml').filter((body) => body.includes('apiVersion'));
    expect(whole).toHaveLength(2);
    for (const body of whole) {
      const kind: unknown = parseAllDocuments(body)[0]?.get('kind');
      const problems =
        kind === 'Daemon'
          ? parseDaemonConfig(body, 'README.md', {})
          : parsePolicies([{ file: 'README.md', text: body }]);
      expect(problems).toMatchObject({ ok: true });
    }
  });

  it('documents every path of the HTTP API', () => {
    const paths = [
      ...read('src/serve/routes.ts').matchAll(/'(\/(?:api\/v1\/|livez|readyz)[^']*)'/gu),
    ];
    expect(paths.length).toBeGreaterThan(15);
    expect(paths.map(([, path]) => path).filter((path) => !readme.includes(`\`${path}\``))).toEqual(
      [],
    );
  });

  it('documents every refusal and exit code', () => {
    for (const code of Object.keys(REFUSAL_CODES)) expect(readme).toContain(`| \`${code}\` |`);
    for (const code of Object.keys(EXIT_MEANINGS)) expect(readme).toContain(`| ${code} | `);
  });
});

describe('the generated parts', () => {
  it('list every metric', () => {
    for (const name of Object.keys(METRICS)) expect(read('src/observe/README.md')).toContain(name);
  });

  it('are fresh', () => {
    for (const { path, text } of pagesWithParts(read)) expect(text).toBe(read(path));
  });

  it('are refused where a page lost its markers', () => {
    expect(() => pagesWithParts(() => 'no marker')).toThrow(/README\.md: expected <!-- generated/u);
  });
});
