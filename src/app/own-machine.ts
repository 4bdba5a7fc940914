/**
 * Which machine this process runs on, as its firmware tells: the UUID that the kernel shows to root
 * alone. In a container it is that of the machine around it, which is what is asked for.
 */

import { readFile } from 'node:fs/promises';

/** `unknown`: nobody can tell, and why. */
export type Machine =
  | { readonly kind: 'known'; readonly uuid: string }
  | { readonly kind: 'unknown'; readonly why: string };

const PRODUCT_UUID = '/sys/class/dmi/id/product_uuid';
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** DMTF DSP0134: all bits set, "not present but settable"; none set, "not present". */
const NONE = /^[0-]*$|^[f-]*$/i;

/** Never rejects. @param file where the kernel shows it. */
export async function readMachine(file = PRODUCT_UUID): Promise<Machine> {
  let text: string;
  try {
    text = (await readFile(file, 'utf8')).trim();
  } catch (error) {
    return { kind: 'unknown', why: `${file} ${unreadable(error)}` };
  }
  if (!UUID.test(text)) return { kind: 'unknown', why: `${file} holds no UUID` };
  if (NONE.test(text)) return { kind: 'unknown', why: `${file} says that the machine has no UUID` };
  return { kind: 'known', uuid: text.toLowerCase() };
}

function unreadable(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  if (code === 'EACCES') return 'may be read by root alone';
  if (code === 'ENOENT') return 'does not exist';
  return `cannot be read (${code})`;
}
