// Role: Drover's own lint rules, a plugin of oxlint (JS plugins are alpha there: oxlint is
// pinned, and test/unit/tools/lint.test.ts plants a breach of each rule, so a silent loss would
// be seen).
// - drover/house: imports follow the table in house.ts. Paths are resolved, not matched, and
//   `export … from` and `import()` count as imports.
// - drover/no-wall-clock: `new Date()` without arguments and `Date()` read the clock, which no
//   built-in rule can say without forbidding `new Date(milliseconds)`, too.
// - drover/columns: no line of code beyond 100 columns; the formatter breaks code, not comments.
// - drover/role: every module of the house opens with a comment on its role.
import { posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

import { roomOf, rulesOf, type Room } from './house.ts';

interface Node {
  readonly type: string;
  readonly name?: string;
  readonly value?: unknown;
  readonly source?: Node | null;
  readonly importKind?: string;
  readonly exportKind?: string;
  readonly callee?: Node;
  readonly arguments?: readonly Node[];
}

interface Position {
  readonly line: number;
  readonly column: number;
}

interface Context {
  readonly filename: string;
  readonly sourceCode: { readonly lines: readonly string[] };
  report(problem: { node?: Node; loc?: Position; message: string }): void;
}

type Visitor = Record<string, (node: Node) => void>;

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COLUMNS_MAX = 100;
const CLOCK_MODULE = /^(?:node:)?(?:timers|perf_hooks)(?:\/|$)/;

function pathInRepository(file: string): string {
  return relative(ROOT, file).split(sep).join('/');
}

function packageOf(specifier: string): string {
  const [first = '', second = ''] = specifier.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}

function isListed(name: string, list: readonly string[]): boolean {
  return list.includes(name) || list.includes(`${name.split('/')[0]}/*`);
}

function bareProblem(specifier: string, room: string, rules: Room): string | undefined {
  if (!rules.clock && CLOCK_MODULE.test(specifier)) {
    return 'Time comes through the Clock port.';
  }
  if (specifier.startsWith('node:')) {
    return rules.node ? undefined : `${room} imports no node: module.`;
  }
  const name = packageOf(specifier);
  return isListed(name, rules.packages)
    ? undefined
    : `The package ${name} is not on the list of ${room} (test/tools/house.ts).`;
}

function roomProblem(target: string, room: string, rules: Room, isType: boolean) {
  const other = roomOf(target);
  if (other === undefined) {
    return target === 'package.json' ? undefined : `${room} imports ${target}: not in the house.`;
  }
  const family = other.split('/')[0] ?? other;
  const sees = (list: readonly string[]): boolean => list.includes(other) || list.includes(family);
  // The registry and the code that adapters share stand beside the adapters, in their room.
  const isOwn = other === room || (room.startsWith('adapters') && other === 'adapters');
  const isRegistry = room === 'adapters' && family === 'adapters';
  if (isOwn || isRegistry || sees(rules.rooms) || (isType && sees(rules.types ?? []))) {
    return undefined;
  }
  const allowed = rules.rooms.length === 0 ? 'nothing' : rules.rooms.join(', ');
  return `${room} imports ${allowed}, not ${other} (test/tools/house.ts).`;
}

function checkHouse(context: Context): Visitor {
  const from = pathInRepository(context.filename);
  const room = roomOf(from);
  if (room === undefined) {
    return {};
  }
  const rules = rulesOf(room);
  function check(node: Node): void {
    const specifier = node.source?.value;
    if (typeof specifier !== 'string' || room === undefined) {
      return;
    }
    const isType = node.importKind === 'type' || node.exportKind === 'type';
    const message =
      rules === undefined
        ? `The room ${room} is not in test/tools/house.ts.`
        : specifier.startsWith('.')
          ? roomProblem(posix.join(posix.dirname(from), specifier), room, rules, isType)
          : bareProblem(specifier, room, rules);
    if (message !== undefined) {
      context.report({ node, message });
    }
  }
  return {
    ImportDeclaration: check,
    ExportNamedDeclaration: check,
    ExportAllDeclaration: check,
    ImportExpression: check,
  };
}

function checkClock(context: Context): Visitor {
  const room = roomOf(pathInRepository(context.filename));
  if (room === undefined || rulesOf(room)?.clock === true) {
    return {};
  }
  const message = 'Time comes through the Clock port.';
  const isDate = (node: Node): boolean =>
    node.callee?.type === 'Identifier' && node.callee.name === 'Date';
  return {
    NewExpression(node) {
      if (isDate(node) && node.arguments?.length === 0) {
        context.report({ node, message });
      }
    },
    CallExpression(node) {
      if (isDate(node)) {
        context.report({ node, message });
      }
    },
  };
}

function checkColumns(context: Context): Visitor {
  return {
    Program() {
      context.sourceCode.lines.forEach((line, index) => {
        // Code points, not UTF-16 units. An address can not be broken.
        const columns = Array.from(line).length;
        if (columns > COLUMNS_MAX && !line.includes('://')) {
          const message = `The line has ${columns} columns, the limit is ${COLUMNS_MAX}.`;
          context.report({ loc: { line: index + 1, column: COLUMNS_MAX }, message });
        }
      });
    },
  };
}

function checkRole(context: Context): Visitor {
  const inHouse = roomOf(pathInRepository(context.filename)) !== undefined;
  return {
    Program() {
      const [first = '', second = ''] = context.sourceCode.lines;
      const opening = first.startsWith('#!') ? second : first;
      if (inHouse && !opening.startsWith('//') && !opening.startsWith('/*')) {
        const message = 'A module opens with a comment on its role.';
        context.report({ loc: { line: 1, column: 0 }, message });
      }
    },
  };
}

// oxlint takes a plugin by its default export.
export default {
  meta: { name: 'drover' },
  rules: {
    house: { create: checkHouse },
    'no-wall-clock': { create: checkClock },
    columns: { create: checkColumns },
    role: { create: checkRole },
  },
};
