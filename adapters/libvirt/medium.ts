/** Drives whose medium a guest can do without, as against its disks. */

import type { DiskElement } from './xml/domain.ts';
import { MEDIUM_KINDS, type VmMedium } from '../../src/domain/vm.ts';

/** Undefined: it is a disk. */
export function mediumKind({ '@device': device }: DiskElement): VmMedium['kind'] | undefined {
  return MEDIUM_KINDS.find((kind) => kind === device);
}
