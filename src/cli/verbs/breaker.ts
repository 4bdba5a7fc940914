/** `drover breaker`: what is left in peace because it failed, and how to try it again now. */

import type { Command } from 'commander';

import type { BreakerView } from '../../ports/api.ts';
import type { Io } from '../io.ts';
import { formatLines } from '../table.ts';
import { remoteOptions, segment, showView, type RemoteOptions } from './remote.ts';

const HELP = `
A VM, a host (moves away from it, moves to it) or a source whose moves failed in a row is left in
peace for a while, longer each time, and then tried with one move. A reset tries it at once; of a VM
it also lifts the rest after a cancel.

Examples:
  drover breaker list
  drover breaker reset into:h2       moves to h2 are tried again
  drover breaker reset vm:web-1      so is every move of this VM`;

export function addBreaker(program: Command, io: Io): void {
  const breaker = program.command('breaker').description('what rests after failures');
  remoteOptions(breaker.command('list'))
    .description('the circuit breakers that are not closed')
    .action((options: RemoteOptions) =>
      showView(
        io,
        options,
        (client) => client.get<readonly BreakerView[]>('/api/v1/breakers'),
        (views) => formatLines(views.length === 0 ? ['all are closed'] : views.map(breakerLine)),
      ),
    );
  remoteOptions(breaker.command('reset'))
    .description('try again at once what rests after failures')
    .argument('<name>', 'as drover breaker list names it')
    .addHelpText('after', HELP)
    .action((name: string, options: RemoteOptions) =>
      showView(
        io,
        options,
        (client) => client.post<BreakerView>(`/api/v1/breakers/${segment(name)}/reset`),
        (view) => formatLines([`${view.name}: closed; it is tried again at the next tick`]),
      ),
    );
}

export function breakerLine({ name, state, text }: BreakerView): string {
  return `${name} ${state}: ${text}`;
}
