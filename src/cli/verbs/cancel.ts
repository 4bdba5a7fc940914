/** `drover cancel`: stops a move, the move of a VM, or all moves away from a host. */

import type { Command } from 'commander';

import type { CancelView } from '../../ports/api.ts';
import type { Io } from '../io.ts';
import { formatLines } from '../table.ts';
import { remoteOptions, segment, showView, type RemoteOptions } from './remote.ts';

const HELP = `
A move that has arrived is not taken back. What was cancelled rests, and the answer says until when:
for limits.cooldown, mandatory moves for at most 5 minutes. An order (maintenance, evacuate) stays,
and its moves come back then: --withdraw, or the order's id as the name, takes it back as well.
With several controllers, what is about another's cluster is passed on to it; drover history tells
what came of it.

Examples:
  drover cancel web-1        the move of this VM
  drover cancel h3           all moves away from this host, waiting and under way
  drover cancel h3 --withdraw        also take back what is ordered for it
  drover cancel plan-0a1b    all moves of this plan, also those that wait for an approval`;

export function addCancel(program: Command, io: Io): void {
  remoteOptions(program.command('cancel'))
    .description('stop moves before they are through: of a VM, a host, a plan or an order')
    .argument('<name>', 'a move, plan or order by id, or a VM or host by id or name')
    .option('--withdraw', 'also take back the order for the host')
    .addHelpText('after', HELP)
    .action((name: string, options: RemoteOptions & { readonly withdraw?: boolean }) =>
      showView(
        io,
        options,
        (client) => {
          const { withdraw = false } = options;
          return client.post<CancelView>(`/api/v1/cancel/${segment(name)}`, { withdraw });
        },
        ({ moves, notes }) => formatLines([...moves.map(({ text }) => text), ...notes]),
      ),
    );
}
