// Role: `drover apply` against a server: what is printed on the way, and with which exit code.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { askAgain, MOST_FAILED } from '../../src/cli/ask-again.ts';
import { CliError, EXIT } from '../../src/cli/io.ts';
import { fail, ok } from '../../src/domain/result.ts';
import type { AppliedMove, ApplyView } from '../../src/ports/api.ts';
import { cli, cliHeard, type CliRun } from '../support/cli.ts';
import { quietServer } from '../support/quiet-server.ts';

const token = 'a-long-token-of-an-operator';
const move = { vm: 'web-1', from: 'h1', to: 'h3' };

function view(state: AppliedMove['state'], over: boolean, detail = ''): ApplyView {
  return { id: 'apply-7', over, moves: [{ ...move, state, detail }] };
}

let folder: string;
let plan: string;
/** What the daemon answers, one after the other; undefined: it is in trouble. */
let answers: (ApplyView | undefined)[];
let asked: unknown[];
let server: ReturnType<typeof quietServer>['server'];
let env: Record<string, string>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'drover-apply-'));
  plan = join(folder, 'plan.json');
  writeFileSync(plan, '{"moves":[]}');
  asked = [];
  const next = () => {
    if (answers.length === 0) return fail(moved);
    const answer = answers.shift();
    if (answer === undefined) throw new Error('out of order');
    return ok(answer);
  };
  const moved = {
    status: 409,
    code: 'world-moved-on',
    detail: 'nothing of the plan was begun, the fleet has moved on:\n  the host h3 is not there',
    hint: 'plan anew: drover plan --json',
  } as const;
  const api = {
    apply: async (body: unknown, by: string) => {
      asked.push([body, by]);
      return next();
    },
    applied: async (id: string) => {
      asked.push(id);
      return next();
    },
  };
  const tokens = [{ name: 'anna', role: 'operator', token }] as const;
  server = quietServer(api, tokens, '127.0.0.1').server;
  env = { DROVER_SERVER: await server.listen({ port: 0 }), DROVER_TOKEN: token };
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const apply = (...more: string[]): Promise<CliRun> => cli(['apply', plan, ...more], env);

describe('asking again', () => {
  const around = { stop: new AbortController().signal, pause: async () => undefined };

  it.each([
    ['no outage', EXIT.usage, 1],
    ['one that lasts', EXIT.unavailable, MOST_FAILED],
  ])('ends where it is %s', async (_what, exitCode, looks) => {
    const failure = new CliError(exitCode, 'no');
    const ask = vi.fn<() => Promise<never>>(() => Promise.reject(failure));
    const tell = vi.fn<(failure: string) => void>();
    await expect(askAgain(ask, { ...around, tell })).rejects.toBe(failure);
    expect([ask.mock.calls.length, tell.mock.calls.length]).toEqual([looks, looks > 1 ? 1 : 0]);
  });

  it('ends where a look was stopped', async () => {
    const stop = new AbortController();
    const ask = (): Promise<never> => {
      stop.abort();
      return Promise.reject(new CliError(EXIT.unavailable, 'stopped'));
    };
    const tell = vi.fn<(failure: string) => void>();
    expect(await askAgain(ask, { ...around, stop: stop.signal, tell })).toBeUndefined();
    expect(tell).not.toHaveBeenCalled();
  });
});

describe('drover apply', () => {
  it('follows the plan to its end, with a line for each change', async () => {
    answers = [view('waiting', false, 'paused'), view('moving', false), view('succeeded', true)];
    expect(await apply()).toEqual({
      code: 0,
      out: `web-1  h1 -> h3  waiting: paused
web-1  h1 -> h3  moving
web-1  h1 -> h3  succeeded
apply-7: 1 of 1 moves done
`,
      err: '',
    });
    expect(asked).toEqual([[{ moves: [] }, 'anna'], 'apply-7', 'apply-7']);
  });

  it('prints nothing for a look without news', async () => {
    answers = [view('moving', false), view('moving', false), view('succeeded', true)];
    const lines = 'web-1  h1 -> h3  moving\nweb-1  h1 -> h3  succeeded\n';
    expect((await apply()).out).toBe(`${lines}apply-7: 1 of 1 moves done\n`);
  });

  it('says what goes on when a person does not follow it any longer', async () => {
    answers = [view('moving', false)];
    const stop = new AbortController();
    // While it waits for the next look.
    const hear = (): void => void setTimeout(() => stop.abort(), 50);
    const run = await cliHeard(['apply', plan], { env, stop: stop.signal, hear });
    expect(run).toMatchObject({ code: 1, err: '' });
    expect(run.out).toContain('apply-7: 0 of 1 moves done, the others go on');
    expect(asked).toHaveLength(1);
  });

  it('follows it over an outage', async () => {
    answers = [view('moving', false), undefined, view('succeeded', true)];
    const run = await apply();
    expect([run.code, run.err]).toEqual([0, expect.stringMatching(/; asking again\n$/)]);
    expect(run.out).toContain('1 of 1 moves done');
  });

  it('ends with 1 where a move did not succeed, and does not wait where told so', async () => {
    answers = [view('failed', true, 'the link broke')];
    expect(await apply()).toMatchObject({ code: 1 });
    answers = [view('moving', false)];
    const run = await apply('--no-wait');
    expect(run).toMatchObject({ code: 0 });
    expect(run.out).toContain('0 of 1 moves done, the others go on');
    answers = [view('succeeded', true)];
    expect(JSON.parse((await apply('--json')).out)).toEqual(view('succeeded', true));
  });

  it('names each difference where it is refused', async () => {
    answers = [];
    const run = await apply();
    expect(run).toMatchObject({ code: 2, out: '' });
    expect(run.err).toContain('  the host h3 is not there\nhint: plan anew');
  });

  it('says what is wrong with the file', async () => {
    writeFileSync(plan, '{ moves');
    expect((await apply()).err).toContain('plan.json is not JSON');
    const missing = await cli(['apply', join(folder, 'no.json')], env);
    expect(missing).toMatchObject({ code: 2 });
    expect(missing.err).toContain('cannot read the plan');
  });
});
