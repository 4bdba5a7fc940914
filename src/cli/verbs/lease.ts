/** `drover lease confirm`: goes on with a ledger that is older than what was seen before. */

import type { Command } from 'commander';

import type { LeaseView } from '../../ports/api.ts';
import type { Io } from '../io.ts';
import { formatLines } from '../table.ts';
import { remoteOptions, segment, showView, type RemoteOptions } from './remote.ts';

const HELP = `
A database that fails over to a copy may lose the newest records: moves that were begun then are in
no journal. Drover notices by the token of the lease, and does nothing in that cluster. Before you
confirm: pause, see that nothing migrates there any more (drover locate VM), then resume.

Example:
  drover lease confirm cluster-a`;

export function addLease(program: Command, io: Io): void {
  const lease = program.command('lease').description('who acts on which cluster');
  remoteOptions(lease.command('confirm'))
    .description('go on in a cluster where the ledger was found to be an older copy')
    .argument('<cluster>', 'as drover status names it')
    .addHelpText('after', HELP)
    .action((cluster: string, options: RemoteOptions) =>
      showView(
        io,
        options,
        (client) => client.post<LeaseView>(`/api/v1/leases/${segment(cluster)}/confirm`),
        (view) => formatLines([`${view.cluster}: confirmed; it is taken within a few seconds`]),
      ),
    );
}
