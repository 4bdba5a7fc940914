/**
 * The `drover` command line: one file per verb, put together here. Every verb returns through
 * one of the exit codes of io.ts. Verbs load what they need when they run: `drover status` should
 * not wait for a rules engine.
 */

import { Command, CommanderError } from 'commander';

import { PolicyErrors, SourceErrors } from '../app/input-errors.ts';
import { VERSION } from '../app/version.ts';
import { CliError, EXIT, EXIT_MEANINGS, type ExitCode, type Io } from './io.ts';
import { addApply } from './verbs/apply.ts';
import { addAudit } from './verbs/audit.ts';
import { addBreaker } from './verbs/breaker.ts';
import { addCancel } from './verbs/cancel.ts';
import { addDemo } from './verbs/demo.ts';
import { addDoctor } from './verbs/doctor.ts';
import { addInventory } from './verbs/inventory.ts';
import { addLease } from './verbs/lease.ts';
import { addMigrations } from './verbs/migrations.ts';
import { addObserved } from './verbs/observed.ts';
import { addOrders } from './verbs/orders.ts';
import { addPlan } from './verbs/plan.ts';
import { addPolicy } from './verbs/policy.ts';
import { addReplay } from './verbs/replay.ts';
import { addSimulate } from './verbs/simulate.ts';
import { addRun } from './verbs/run.ts';
import { addSnapshot } from './verbs/snapshot.ts';
import { addStatus } from './verbs/status.ts';
import { addWhy } from './verbs/why.ts';

const EXIT_CODES_HELP = `
Exit codes:
${Object.entries(EXIT_MEANINGS)
  .map(([code, meaning]) => `  ${code}  ${meaning}\n`)
  .join('')}
Start here:
  drover demo                            a simulated datacenter, nothing to set up
  drover plan --fleet fleet.json         what would be moved, and why
  drover run --config drover.yaml        the daemon (observes until a policy says otherwise)`;

/** Runs one command line. Prints through `io` only; never ends the process. */
export async function runCli(argv: readonly string[], io: Io): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.done;
  const program = makeProgram(io, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    return explain(error, io);
  }
}

/** All verbs. @param setExit is told the exit code of a verb that ends with another than 0. */
export function makeProgram(io: Io, setExit: (code: ExitCode) => void): Command {
  const program = new Command('drover')
    .description('Policy-driven VM load balancer and live-migration scheduler')
    .version(VERSION)
    .showHelpAfterError('(drover --help lists all verbs)')
    .addHelpText('after', EXIT_CODES_HELP)
    .configureOutput({ writeOut: io.out, writeErr: io.err })
    .exitOverride();
  addRun(program, io);
  addDemo(program, io);
  addPlan(program, io, setExit);
  addApply(program, io, setExit);
  addPolicy(program, io, setExit);
  addStatus(program, io);
  addInventory(program, io);
  addMigrations(program, io);
  addObserved(program, io);
  addWhy(program, io);
  addOrders(program, io, setExit);
  addCancel(program, io);
  addBreaker(program, io);
  addAudit(program, io, setExit);
  addReplay(program, io, setExit);
  addSimulate(program, io, setExit);
  addLease(program, io);
  addSnapshot(program, io);
  addDoctor(program, io, setExit);
  inherit(program);
  return program;
}

/** Commander copies these settings only to commands that are made after they were set. */
function inherit(command: Command): void {
  for (const child of command.commands) {
    child.copyInheritedSettings(command);
    inherit(child);
  }
}

function explain(error: unknown, io: Io): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (error instanceof CliError) {
    io.err(`drover: ${error.message}\n`);
    if (error.hint !== '') io.err(`hint: ${error.hint}\n`);
    return error.exitCode;
  }
  if (error instanceof PolicyErrors || error instanceof SourceErrors) {
    io.err(`drover: ${error.message}\n`);
    return EXIT.usage;
  }
  io.err(`drover: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return EXIT.unavailable;
}
