// Role: facts about processes straight from /proc, for the questions that libvirt must not be asked
// because it may be the one that is dead, frozen or wrong.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A pid alone may by now belong to somebody else, so the start time goes with it. */
export interface ProcessRecord {
  readonly pid: number;
  readonly startTime: string;
}

function readOr<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined; // the process, or the file, is gone
  }
}

/** Field 22 of /proc/PID/stat; the command name before it may contain anything. */
function startTimeOf(pid: number): string | undefined {
  const stat = readOr(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

export function recordOf(pid: number): ProcessRecord {
  return { pid, startTime: startTimeOf(pid) ?? '' };
}

export function isAlive({ pid, startTime }: ProcessRecord): boolean {
  return startTimeOf(pid) === startTime;
}

/** The pid in a file that common.sh wrote, if that very process still lives. */
export function recordedPid(file: string): number | undefined {
  const line = readOr(() => readFileSync(file, 'latin1'));
  const [pid = '', startTime = ''] = (line ?? '').trim().split(' ');
  return pid !== '' && isAlive({ pid: Number(pid), startTime }) ? Number(pid) : undefined;
}

function pidNamespaceOf(pid: number): string | undefined {
  return readOr(() => readlinkSync(`/proc/${pid}/ns/pid`));
}

/** Every process in the same PID namespace as this one, itself included. */
export function processesBeside(pid: number): number[] {
  const namespace = pidNamespaceOf(pid);
  if (namespace === undefined) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((other) => pidNamespaceOf(other) === namespace);
}

export function argumentsOf(pid: number): string[] {
  return (readOr(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')) ?? '').split('\0');
}
