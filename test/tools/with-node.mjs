// Role: `node test/tools/with-node.mjs COMMAND ARGS…` runs a command with a node that is new enough
// first in PATH. The npm scripts use it: npm itself may run on an old node, and npm 10 (which comes
// with node 20) loses the link node_modules/.bin/node that would do the same.
import { spawn } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { findNode, missingNodeAdvice } from '../../src/cli/find-node.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const node = findNode(root);

if (node === undefined) {
  console.error(`drover: ${missingNodeAdvice(root).join('\n        ')}`);
  process.exit(3);
}

const [command, ...args] = process.argv.slice(2);
const path = [dirname(node), join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter);
const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, PATH: path } });

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  // A test run may well get a signal twice, from the terminal and from here: it only stops sooner.
  process.on(signal, () => child.kill(signal));
}
child.on('error', (error) => {
  console.error(`cannot run ${command}: ${error.message}`);
  process.exit(127);
});
child.on('exit', (code) => process.exit(code ?? 1));
