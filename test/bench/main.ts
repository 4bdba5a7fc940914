// Role: the benchmark command, `npm run --silent bench -- NAME [options] [--json]`. Standard output
// carries the figures only; what is wrong with the arguments goes to standard error, exit code 2.
import { type Figures, listed, tabled } from './figures.ts';
import { BENCHES } from './registry.ts';

async function main(args: readonly string[]): Promise<number> {
  const [name = '', ...rest] = args.filter((arg) => arg !== '--json');
  const bench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
  if (bench === undefined) {
    const usages = Object.values(BENCHES).map(({ usage }) => `  bench ${usage} [--json]`);
    process.stderr.write(`usage:\n${usages.join('\n')}\n`);
    return 2;
  }
  try {
    const result = await bench.run(rest);
    const lines = args.includes('--json') ? asJson(result) : asText(result);
    for (const line of lines) process.stdout.write(`${line}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    process.stderr.write(`${error.message}\nusage: bench ${bench.usage} [--json]\n`);
    return 2;
  }
}

function isSeveral(result: Figures | Iterable<Figures>): result is Iterable<Figures> {
  return Symbol.iterator in result;
}

function asText(result: Figures | Iterable<Figures>): Iterable<string> {
  return isSeveral(result) ? tabled(result) : [listed(result)];
}

function* asJson(result: Figures | Iterable<Figures>): Generator<string> {
  for (const figures of isSeveral(result) ? result : [result]) yield JSON.stringify(figures);
}

process.exitCode = await main(process.argv.slice(2));
