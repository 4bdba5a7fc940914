/**
 * Copies the bytes of one volume into another, from daemon to daemon through this process. What was
 * never written on the source is not sent, and stays a hole on the target.
 */

import type { VolumeHandle } from './volume.ts';
import { AT_HOLE, SPARSE_STREAM, STOP_AT_HOLE } from '../native/constants.ts';
import type { Session } from '../native/session.ts';
import type { Pointer } from '../native/signatures.ts';

/** What fits into one message of libvirt's protocol (VIR_NET_MESSAGE_LEGACY_PAYLOAD_MAX). */
const CHUNK_BYTES = 262_120;

/** Told of every piece: `sent` went over the wire, `passed` lies behind, holes included. */
export type OnPiece = (piece: { readonly sent: number; readonly passed: number }) => Promise<void>;

/** Rejects where either end fails, or `onPiece` does; the target's content is then undefined. */
export async function copyVolume(
  source: VolumeHandle,
  target: VolumeHandle,
  onPiece: OnPiece,
): Promise<void> {
  await withStream(source.session, async (from) => {
    await source.session.int('virStorageVolDownload', source.handle, from, 0, 0, SPARSE_STREAM);
    await withStream(target.session, async (to) => {
      await target.session.int('virStorageVolUpload', target.handle, to, 0, 0, SPARSE_STREAM);
      await pump({ session: source.session, stream: from }, { ...target, stream: to }, onPiece);
    });
  });
}

/** Ends the stream well, or breaks it off where the task fails. */
async function withStream(
  session: Session,
  task: (stream: Pointer) => Promise<void>,
): Promise<void> {
  const stream = await session.pointer('virStreamNew', session.connection, 0);
  try {
    await task(stream);
    await session.int('virStreamFinish', stream);
  } catch (error) {
    // It may never have been begun, or be broken already: the first error is the one that counts.
    await session.library.call('virStreamAbort', stream);
    throw error;
  } finally {
    session.library.now('virStreamFree', stream);
  }
}

interface Flow {
  readonly session: Session;
  readonly stream: Pointer;
}

async function pump(from: Flow, to: Flow, onPiece: OnPiece): Promise<void> {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  for (;;) {
    const got = await receive(from, chunk);
    if (got === 0) return;
    if (got === AT_HOLE) {
      const length = await holeOf(from);
      await to.session.int('virStreamSendHole', to.stream, length, 0);
      await onPiece({ sent: 0, passed: length });
    } else {
      await send(to, chunk.subarray(0, got));
      await onPiece({ sent: got, passed: got });
    }
  }
}

/** Bytes received; 0: the end; AT_HOLE: a hole comes next. */
async function receive({ session, stream }: Flow, chunk: Buffer): Promise<number> {
  const length = chunk.length;
  const name = 'virStreamRecvFlags';
  const got = await session.library.call(name, stream, chunk, length, STOP_AT_HOLE);
  if (got < 0 && got !== AT_HOLE) throw await session.failure(name);
  return got;
}

async function holeOf({ session, stream }: Flow): Promise<number> {
  const length = new BigUint64Array(1);
  await session.int('virStreamRecvHole', stream, length, 0);
  return Number(length[0] ?? 0n);
}

async function send({ session, stream }: Flow, bytes: Buffer): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) {
    const taken = await session.int('virStreamSend', stream, rest, rest.length);
    rest = rest.subarray(taken);
  }
}
