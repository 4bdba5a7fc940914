/** `drover cancel`: stops a move, the move of a VM, or all moves away from a host. */

import type { Command } from 'commander';

import type { CancelView } from '../../ports/api.ts';
import type { Io } from '../io.ts';
import { formatLines } from '../table.ts';
import { remoteOptions, segment, showView, type RemoteOptions } from './remote.ts';

const HELP = `
A move that has arrived is not taken back. The VM then rests: for limits.cooldown, from mandatory
moves for at most 5 minutes. An order (maintenance, evacuate) stays: its moves come back then, until
drover maintenance exit withdraws it.

Examples:
  drover cancel web-1        the move of this VM
  drover cancel h3           all moves away from this host, waiting and under way`;

export function addCancel(program: Command, io: Io): void {
  remoteOptions(program.command('cancel'))
    .description('stop a move, or all moves away from a host, before they are through')
    .argument('<name>', 'a move by id, or a VM or host by id or name')
    .addHelpText('after', HELP)
    .action((name: string, options: RemoteOptions) =>
      showView(
        io,
        options,
        (client) => client.post<CancelView>(`/api/v1/cancel/${segment(name)}`),
        ({ moves, notes }) => formatLines([...moves.map(({ text }) => text), ...notes]),
      ),
    );
}
