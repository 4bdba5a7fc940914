/**
 * A guest's document with some of its disks in other places. libvirt's own text is edited, and not
 * written anew from what this adapter knows of it: what is not understood here has to survive.
 */

import { DocumentError, escapeXml } from './document.ts';

export interface Relocation {
  /** Target name of the disk (vda). */
  readonly dev: string;
  /** Where the document has it, as a file or, of a pool's volume, as `pool/volume`. */
  readonly from: string;
  /** The file that it is to be. */
  readonly path: string;
}

/**
 * `xml` is a domain's document as libvirt writes it. Disks that it does not have are passed over (a
 * stored definition may lack one that was plugged in); one of another content than expected is a
 * DocumentError.
 */
export function relocateDisks(xml: string, relocations: readonly Relocation[]): string {
  // Elements of others, in the metadata, come before.
  const start = Math.max(0, xml.lastIndexOf('<devices>'));
  const devices = xml.slice(start).replaceAll(/<disk [\s\S]*?<\/disk>/g, (disk) => {
    const dev = /<target dev='([^']*)'/.exec(disk)?.[1];
    const relocation = relocations.find((one) => escapeXml(one.dev) === dev);
    return relocation === undefined ? disk : relocated(disk, relocation);
  });
  return xml.slice(0, start) + devices;
}

function relocated(disk: string, { dev, from, path }: Relocation): string {
  const [source] = /<source [^>]*>/.exec(disk) ?? [];
  if (source === undefined || placeIn(source) !== escapeXml(from)) {
    throw new DocumentError('guest', `its disk ${dev} is not ${from}`);
  }
  const moved = source
    .replace(/ (?:file|volume|mode)='[^']*'/g, '')
    .replace(/ pool='[^']*'/, '')
    .replace('<source', () => `<source file='${escapeXml(path)}'`);
  // Functions: a path may contain what replace would take for a pattern of its own.
  return disk.replace(source, () => moved).replace(/^<disk type='volume'/, "<disk type='file'");
}

function placeIn(source: string): string | undefined {
  const valueOf = (name: string): string | undefined =>
    new RegExp(` ${name}='([^']*)'`).exec(source)?.[1];
  const volume = valueOf('volume');
  return volume === undefined ? valueOf('file') : `${valueOf('pool') ?? ''}/${volume}`;
}
