/**
 * Writes the generated files; with `--check` only compares, and exits 1 when one is stale. Every
 * generated file of the repository, and generated part of a page, is listed by its room and written
 * here.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scenarioSchema } from '../app/scenario/file.ts';
import { generatedConfigFiles } from '../config/generated.ts';
import { jsonSchemaOf } from '../config/json-schema.ts';
import { pagesWithParts } from './readme-parts.ts';

function main(args: readonly string[]): number {
  const isCheck = args.includes('--check');
  let stale = 0;
  const pages = pagesWithParts((path) => textOf(fileOf(path)) ?? '');
  for (const { path, text } of [...generatedConfigFiles(), scenarioFile(), ...pages]) {
    const file = fileOf(path);
    if (textOf(file) === text) continue;
    stale += 1;
    if (isCheck) {
      console.error(`gen: ${path} is stale; run npm run gen`);
      continue;
    }
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    console.log(`gen: wrote ${path}`);
  }
  return isCheck && stale > 0 ? 1 : 0;
}

function scenarioFile(): { readonly path: string; readonly text: string } {
  const schema = jsonSchemaOf(scenarioSchema, 'Drover scenario');
  const path = 'src/app/scenario/scenario.schema.json';
  return { path, text: `${JSON.stringify(schema, null, 2)}\n` };
}

function fileOf(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

process.exitCode = main(process.argv.slice(2));
