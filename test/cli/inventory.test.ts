// Role: `drover vms --host`: what is on a host, and that it is that host.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { HostView, VmView } from '../../src/ports/api.ts';
import { cli } from '../support/cli.ts';
import { quietServer } from '../support/quiet-server.ts';

const token = 'a-long-token-of-an-operator';

const host = (id: string, name: string) => ({ id, name }) as HostView;
const vm = (id: string, on: string) => ({ id, name: id, host: on, hostName: 'n' }) as VmView;

let server: ReturnType<typeof quietServer>['server'];
let env: Record<string, string>;

beforeEach(async () => {
  const api = {
    hosts: () =>
      [host('1', 'a'), host('2', 'twin'), host('3', 'twin'), host('4', 'empty')].values(),
    vms: () => [vm('db', '1'), vm('web', '2'), vm('mail', '3')].values(),
  };
  server = quietServer(api, [{ name: 'anna', role: 'operator', token }], '127.0.0.1').server;
  env = { DROVER_SERVER: await server.listen({ port: 0 }), DROVER_TOKEN: token };
});
afterEach(() => server.close());

const vmsOn = (name: string) => cli(['vms', '--host', name, '--json'], env);

describe('drover vms --host', () => {
  it.each([
    ['a', ['db']],
    ['1', ['db']],
    ['3', ['mail']],
    ['empty', []],
  ])('shows what is on %s', async (name, vms) => {
    const { code, out } = await vmsOn(name);
    expect([code, (JSON.parse(out) as VmView[]).map(({ id }) => id)]).toEqual([0, vms]);
  });

  it.each(['typo', 'twin'])('refuses %s, which is no one host', async (name) => {
    const { code, out, err } = await vmsOn(name);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(`no host has the id or (unique) name "${name}"\nhint: drover hosts`);
  });
});
