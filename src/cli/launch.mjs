#!/usr/bin/env node
// Role: the `drover` command. Finds a node that can run Drover and starts the real entry on it.
// Plain JavaScript, parsed by node 18 and later: it must be able to say that a node is too old,
// so it imports nothing of Drover's and nothing from npm (better-sqlite3 kills node 20 by SIGSEGV).
//
// Which node: the one that runs this file if new enough, else the one that `npm ci` put in
// node_modules (packages node-linux-*), else exit 3 (unavailable).
// A new enough node replaces itself (execve), so the pid stays the one that a service manager
// knows. An older node has no execve: it stays as a parent, passes signals and the exit code on,
// and can not take the child along when it is itself killed by SIGKILL. Services should name the
// right node.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = [24, 11];
const EXIT_UNAVAILABLE = 3;
// Every blocking libvirt call holds one libuv thread; with the default of 4, four slow hosts stop
// all.
const THREADS = '64';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
}

function findNode() {
  if (isNewEnough(process.versions.node)) {
    return process.execPath;
  }
  const bundled = join('node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  // Walks up, since npm hoists dependencies when Drover itself is installed as one.
  for (let folder = root; ; folder = dirname(folder)) {
    const candidate = join(folder, bundled);
    if (existsSync(candidate)) {
      return candidate;
    }
    if (folder === dirname(folder)) {
      return undefined;
    }
  }
}

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
  // make one Ctrl-C look like two, which means "stop at once" to many a daemon.
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
  const node = findNode();
  if (node === undefined) {
    giveUp([
      `needs node ${OLDEST_NODE.join('.')} or later, and this is ${process.versions.node}.`,
      `Run \`npm ci\` in ${root} without --omit=optional (it brings a node of its own on Linux),`,
      'or install node 24 from https://nodejs.org and put it first in PATH.',
    ]);
  }
  const entry = findEntry();
  if (entry === undefined) {
    giveUp([`found neither src/cli/main.ts nor dist/src/cli/main.js in ${root}.`]);
  }
  process.env.UV_THREADPOOL_SIZE ||= THREADS;
  const args = [...process.execArgv, entry, ...process.argv.slice(2)];
  if (node === process.execPath && typeof process.execve === 'function') {
    process.execve(node, [node, ...args], process.env);
  }
  runAsChild(node, args);
}

main();
