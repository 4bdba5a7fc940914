// Story: a host dies, its VM is started elsewhere, and the controller that did so is stopped in
// good order for an upgrade. The other one has not seen that restart, and has to know of it all the
// same: else it would take the host back with the definition that starts a second copy.
import { afterEach, expect, it } from 'vitest';

import { hostId, vmId } from '../../src/domain/ids.ts';
import { aHost, aSnapshot, aVm } from '../support/fleet.ts';
import { SharedControllers } from '../support/shared-controllers.ts';

const POLICY = `
apiVersion: drover/v1
kind: Policy
permissions:
  - { vms: { names: ["*"] }, permission: restart }
hostFailure:
  restart: fenced
  requireStorageLocks: false
  suspectAfter: 65s
`;

const H1 = hostId('h1');

let pair: SharedControllers | undefined;

afterEach(async () => {
  await pair?.close();
  pair = undefined;
});

it('knows what another controller has restarted from a dead host', async () => {
  const hosts = ['h1', 'h2', 'h3', 'h4'].map((id) => aHost({ id }));
  const fleet = aSnapshot({ hosts, vms: [aVm({ id: 'db', host: 'h1' })] });
  pair = new SharedControllers(fleet, POLICY, true);
  await pair.start('ada');
  await pair.until(30);
  await pair.start('bob');
  await pair.until(60);
  const { world } = pair;
  world.ofHost(H1).inject({ kind: 'host-crash', host: H1, forSeconds: 86_400 });
  await pair.until(250);
  // The other one has looked ten seconds ago.
  await pair.daemon('ada').tick();
  await pair.stop('ada');
  await pair.until(480);
  pair.lines.push('-- power on');
  world.ofHost(H1).setPower(H1, true);
  await pair.until(900);
  expect(pair.lines.filter((line) => !line.endsWith('no answer'))).toEqual([
    '00:00:00 ada: c1: acting here from now on',
    '00:02:00 ada: h1: well -> unreachable',
    '00:04:10 ada: h1: unreachable -> dead',
    '00:04:10 ada: db starts h1 -> h2',
    '00:04:10 ada: c1: given back',
    '00:04:50 bob: c1: acting here from now on',
    '00:04:50 bob: db starts h1 -> h2',
    '00:04:50 bob: db succeeded h1 -> h2',
    '-- power on',
    '00:09:00 bob: h1: dead -> returned',
  ]);
  // Else its next boot would start a second one.
  const { sightings } = world.ofHost(H1).locate(vmId('db'));
  expect(sightings.map(({ host, state }) => [host, state])).toEqual([['h2', 'running']]);
});
