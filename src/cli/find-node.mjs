// Role: says which node can run Drover. Plain JavaScript that node 18 can parse, without imports
// of Drover's or npm's: the old node that reads it can do no more (better-sqlite3 kills node 20 by
// SIGSEGV, with no message).
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const OLDEST_NODE = [24, 11];

export function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
}

/**
 * The path of a node that is new enough: the one that runs this, else the one that `npm ci` put
 * into node_modules (packages node-linux-*) below `root` or a folder above it, where npm hoists
 * dependencies when Drover itself is one. Undefined when there is none.
 */
export function findNode(root) {
  if (isNewEnough(process.versions.node)) {
    return process.execPath;
  }
  // Not node_modules/.bin/node: npm 10 removes that link when it skips the package of the other
  // processor, which has the same link.
  const bundled = join('node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
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

export function missingNodeAdvice(root) {
  return [
    `needs node ${OLDEST_NODE.join('.')} or later, and this is ${process.versions.node}.`,
    `Run \`npm ci\` in ${root} without --omit=optional (on Linux it brings a node of its own),`,
    'or install node 24 from https://nodejs.org and put it first in PATH.',
  ];
}
