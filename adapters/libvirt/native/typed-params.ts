/**
 * Decodes libvirt's typed parameters: the named values in which statistics and job progress come.
 * Layout of virTypedParameter (libvirt-common.h): char field[80]; int type; 4 bytes of padding; a
 * union of 8 bytes. 96 bytes on every 64-bit platform.
 */

/** A statistic by its name in libvirt's documentation, e.g. "vcpu.0.time". */
export type TypedParams = Readonly<Record<string, number | string | boolean>>;

const FIELD_BYTES = 80;
const VALUE_OFFSET = 88;
export const TYPED_PARAMETER_BYTES = 96;

/**
 * `memory` holds `count` structures; `readText` reads a C string at an address. Values of 64 bits
 * become numbers: beyond 2^53 (104 days of CPU time in nanoseconds) the last bits are rounded,
 * which no rate can notice. A type that is not known is left out.
 */
export function decodeTypedParams(
  memory: DataView,
  count: number,
  readText: (address: bigint) => string,
): TypedParams {
  const params: Record<string, number | string | boolean> = {};
  for (let index = 0; index < count; index += 1) {
    const start = index * TYPED_PARAMETER_BYTES;
    const value = valueAt(memory, start, readText);
    if (value !== undefined) params[fieldAt(memory, start)] = value;
  }
  return params;
}

function fieldAt(memory: DataView, start: number): string {
  let name = '';
  for (let index = 0; index < FIELD_BYTES; index += 1) {
    const code = memory.getUint8(start + index);
    if (code === 0) break;
    name += String.fromCharCode(code);
  }
  return name;
}

function valueAt(
  memory: DataView,
  start: number,
  readText: (address: bigint) => string,
): number | string | boolean | undefined {
  const at = start + VALUE_OFFSET;
  // virTypedParameterType; koffi runs on little-endian platforms only.
  switch (memory.getInt32(start + FIELD_BYTES, true)) {
    case 1:
      return memory.getInt32(at, true);
    case 2:
      return memory.getUint32(at, true);
    case 3:
      return Number(memory.getBigInt64(at, true));
    case 4:
      return Number(memory.getBigUint64(at, true));
    case 5:
      return memory.getFloat64(at, true);
    case 6:
      return memory.getUint8(at) !== 0;
    case 7:
      return readText(memory.getBigUint64(at, true));
    default:
      return undefined;
  }
}

/** The number under `name`; undefined where it is absent or not a number. */
export function numberIn(params: TypedParams, name: string): number | undefined {
  const value = params[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** The text under `name`; undefined where it is absent or not a text. */
export function textIn(params: TypedParams, name: string): string | undefined {
  const value = params[name];
  return typeof value === 'string' ? value : undefined;
}
