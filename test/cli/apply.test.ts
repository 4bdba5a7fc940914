// Role: `drover apply` against a server: what is printed on the way, and with which exit code.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { fail, ok } from '../../src/domain/result.ts';
import type { AppliedMove, ApplyView } from '../../src/ports/api.ts';
import { cli, type CliRun } from '../support/cli.ts';
import { quietServer } from '../support/quiet-server.ts';

const token = 'a-long-token-of-an-operator';
const move = { vm: 'web-1', from: 'h1', to: 'h3' };

function view(state: AppliedMove['state'], over: boolean, detail = ''): ApplyView {
  return { id: 'apply-7', over, moves: [{ ...move, state, detail }] };
}

let folder: string;
let plan: string;
/** What the daemon answers, one after the other. */
let answers: ApplyView[];
let asked: unknown[];
let server: ReturnType<typeof quietServer>['server'];
let env: Record<string, string>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'drover-apply-'));
  plan = join(folder, 'plan.json');
  writeFileSync(plan, '{"moves":[]}');
  asked = [];
  const next = () => {
    const answer = answers.shift();
    return answer === undefined ? fail(moved) : ok(answer);
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
