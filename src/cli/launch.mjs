#!/usr/bin/env node
// Role: the `drover` command. Starts the real entry on a node that can run it (find-node.mjs), or
// exits with 3 (unavailable) and says what to install. Must parse on node 18, as find-node.mjs.
//
// A new enough node replaces itself (execve), so the pid stays the one that a service manager
// knows. An older node has no execve: it stays as a parent, passes signals and the exit code on,
// and can not take the child along when it is itself killed by SIGKILL: services should name the
// right node.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

import { findNode, missingNodeAdvice } from './find-node.mjs';

const EXIT_UNAVAILABLE = 3;
// Each blocking libvirt call holds one libuv thread: with libuv's 4, four slow hosts stop it all.
// The adapter shares them out (seats.ts): 64 moves at once, 80 connections being opened. Of 64
// threads 256 are 1.5 MiB more.
const THREADS = '256';

// For the first plan of a process, which then takes half the time: functions are compiled to
// machine code when they are loaded, and the young generation is large (in MiB) from the start, so
// that a scavenge, which copies the whole snapshot, seldom falls into a small plan. Of 8 to 16, 14
// was best over fleets of 32 to 1,000 hosts. `npm run bench` measures with the same.
const NODE_OPTIONS = ['--no-lazy', '--always-sparkplug', '--min-semi-space-size=14'];
// The daemon's planner practises instead, in a thread with a memory of its own (planner.ts): code
// that is never run would be 45 MiB, once in each thread. More young generation, too, would only be
// more memory: 100 MiB of it where the machine has plenty. And garbage is looked for when the heap
// has grown by so many percent: left alone, V8 lets it become three times what lives, and what is
// gone through at once is as much longer.
const DAEMON_OPTIONS = ['--max-semi-space-size=8', '--heap-growing-percent=15'];
// A fleet on its way between threads is large buffers: with these settings glibc gives them back
// to the system, instead of keeping each thread's for later. Other C libraries do not read them.
const DAEMON_MALLOC = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
};

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

// What node has compiled, and how sources read without their types: the next start takes half the
// time, and 10 to 17 MiB less in each thread, as what takes types away is not even loaded. Here and
// not in a temporary folder: whoever may write it may change Drover itself as well. Where it cannot
// be written, node goes without.
const CACHE = join(root, 'node_modules', '.cache', 'drover');

function findEntry() {
  const source = join(root, 'src', 'cli', 'main.ts');
  const built = join(root, 'dist', 'src', 'cli', 'main.js');
  // Node strips types from our own sources, but refuses to below a node_modules folder.
  const mayStrip = !root.split(sep).includes('node_modules');
  return [mayStrip ? source : built, built].find((file) => existsSync(file));
}

function giveUp(lines) {
  process.stderr.write(`drover: ${lines.join('\n        ')}\n`);
  process.exit(EXIT_UNAVAILABLE);
}

function runAsChild(node, args) {
  const child = spawn(node, args, { stdio: 'inherit' });
  // A terminal sends SIGINT and SIGHUP to the whole foreground group: passing them on as well would
  // make one Ctrl-C look like two, and the second means "stop at once".
  const fromTerminal = process.stdin.isTTY === true;
  const passedOn = { SIGTERM: true, SIGINT: !fromTerminal, SIGHUP: !fromTerminal };
  for (const [signal, pass] of Object.entries(passedOn)) {
    process.on(signal, () => {
      if (pass) {
        child.kill(signal);
      }
    });
  }
  child.on('error', (error) => giveUp([`cannot start ${node}: ${error.message}`]));
  child.on('exit', (code, signal) => {
    // A shell reports death by signal N as 128 + N.
    process.exit(signal === null ? code : 128 + constants.signals[signal]);
  });
}

function main() {
  const node = findNode(root);
  if (node === undefined) {
    giveUp(missingNodeAdvice(root));
  }
  const entry = findEntry();
  if (entry === undefined) {
    giveUp([`found neither src/cli/main.ts nor dist/src/cli/main.js in ${root}.`]);
  }
  process.env.UV_THREADPOOL_SIZE ||= THREADS;
  process.env.NODE_COMPILE_CACHE ??= CACHE;
  const given = process.argv.slice(2);
  const isDaemon = given[0] === 'run';
  const options = isDaemon ? DAEMON_OPTIONS : NODE_OPTIONS;
  if (isDaemon) process.env = { ...DAEMON_MALLOC, ...process.env };
  const args = [...process.execArgv, ...options, entry, ...given];
  if (node === process.execPath) {
    process.execve(node, [node, ...args], process.env);
  }
  runAsChild(node, args);
}

main();
