// Role: the adapter's edges: options, typed parameters, the meaning of errors.
import { describe, expect, it } from 'vitest';

import { adapter } from '../../../../adapters/libvirt/index.ts';
import { ERROR } from '../../../../adapters/libvirt/native/constants.ts';
import {
  adapterCodeOf,
  CallTimeout,
  ConnectError,
  isUnanswered,
  LibvirtError,
} from '../../../../adapters/libvirt/native/errors.ts';
import { decodeTypedParams } from '../../../../adapters/libvirt/native/typed-params.ts';

function refusedPaths(options: unknown): string[] {
  const prepared = adapter.prepare(options);
  return prepared.ok ? [] : prepared.error.map(({ path }) => path.join('.'));
}

describe('options', () => {
  it('need a URI for each host, and nothing else', () => {
    expect(adapter.prepare({ hosts: [{ uri: 'qemu+ssh://root@h1/system' }] }).ok).toBe(true);
    expect(refusedPaths({ hosts: [] })).toEqual(['hosts']);
    expect(refusedPaths({ hosts: [{ uri: 'h1' }] })).toEqual(['hosts.0.uri']);
    expect(refusedPaths(undefined)).toEqual(['']);
  });

  it('refuse misspelt keys and impossible values', () => {
    const uri = 'qemu+tls://h1/system';
    expect(refusedPaths({ hosts: [{ uri, reservedMemory: 5 }] })).toEqual(['hosts.0']);
    expect(refusedPaths({ hosts: [{ uri }], callSeconds: 0 })).toEqual(['callSeconds']);
    expect(refusedPaths({ hosts: [{ uri, coreSpeed: -1 }] })).toEqual(['hosts.0.coreSpeed']);
  });

  it('want hosts told apart', () => {
    const socket = { uri: 'qemu+unix:///system?socket=/run/a' };
    expect(refusedPaths({ hosts: [socket] })).toEqual(['hosts.0.id']);
    const twins = [{ uri: 'qemu+tls://h1/system' }, { id: 'h1', uri: 'qemu+tls://h2/system' }];
    expect(refusedPaths({ hosts: twins })).toEqual(['hosts.1.id']);
  });
});

describe('typed parameters', () => {
  const entry = (name: string, type: number, write: (view: DataView) => void): Uint8Array => {
    const memory = new Uint8Array(96);
    memory.set(new TextEncoder().encode(name));
    const view = new DataView(memory.buffer);
    view.setInt32(80, type, true);
    write(new DataView(memory.buffer, 88));
    return memory;
  };

  it('are read by their type; unknown types are left out', () => {
    const entries = [
      entry('int', 1, (value) => value.setInt32(0, -5, true)),
      entry('uint', 2, (value) => value.setUint32(0, 4_000_000_000, true)),
      entry('long', 3, (value) => value.setBigInt64(0, -7n, true)),
      entry('vcpu.0.time', 4, (value) => value.setBigUint64(0, 92_530_000_000n, true)),
      entry('double', 5, (value) => value.setFloat64(0, 0.5, true)),
      entry('flag', 6, (value) => value.setUint8(0, 1)),
      entry('text', 7, (value) => value.setBigUint64(0, 0xbeefn, true)),
      entry('future', 8, () => undefined),
      entry('n'.repeat(80), 1, (value) => value.setInt32(0, 1, true)),
    ];
    const memory = new Uint8Array(entries.flatMap((one) => [...one]));
    const view = new DataView(memory.buffer);
    expect(decodeTypedParams(view, entries.length, (at) => `at ${at}`)).toEqual({
      int: -5,
      uint: 4_000_000_000,
      long: -7,
      'vcpu.0.time': 92_530_000_000,
      double: 0.5,
      flag: true,
      text: 'at 48879',
      ['n'.repeat(80)]: 1,
    });
  });
});

describe('errors', () => {
  const libvirt = (code: number, message = '', lost = false): LibvirtError =>
    new LibvirtError(code, message, lost);

  it.each([
    ['a host that is not there', new ConnectError(ERROR.system, ''), 'unreachable', true],
    ['a system call that failed over there', libvirt(ERROR.system), 'refused', false],
    [
      'a connection that broke',
      libvirt(ERROR.internal, 'client socket is closed', true),
      'lost',
      true,
    ],
    ['a call that hangs', new CallTimeout('looking'), 'timeout', true],
    ['an unknown guest', libvirt(ERROR.noDomain), 'not-found', false],
    ['a missing right', libvirt(ERROR.accessDenied), 'auth', false],
    ['a held lock', libvirt(ERROR.operationTimeout), 'locked', false],
    [
      'another migration',
      libvirt(ERROR.operationInvalid, 'another migration job is already running'),
      'locked',
      false,
    ],
    [
      'an impossible state',
      libvirt(ERROR.operationInvalid, 'domain is not running'),
      'refused',
      false,
    ],
    ['an unsafe migration', libvirt(ERROR.migrateUnsafe), 'refused', false],
    ['a CPU that does not fit', libvirt(ERROR.operationFailed), 'refused', false],
    ['a missing driver', libvirt(ERROR.noSupport), 'unsupported', false],
    ['a mistake of ours', new TypeError('x'), 'protocol', false],
  ])('%s', (_what, error, code, unanswered) => {
    expect(adapterCodeOf(error)).toBe(code);
    expect(isUnanswered(error)).toBe(unanswered);
  });
});
