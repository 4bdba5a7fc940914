// Role: the write side of an InfluxDB server, with the moods that one may be in.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

export interface InfluxStub {
  readonly url: string;
  /** Lines of all requests that were answered with 204. */
  readonly lines: string[];
  readonly requests: { readonly url: string; readonly authorization: string | undefined }[];
  /** The status of the next answers; `never`: no answer at all. */
  mood: number | 'never';
  stop(): Promise<void>;
}

export async function startInfluxStub(): Promise<InfluxStub> {
  const server = createServer((request, response) => void take(stub, request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const stub: InfluxStub = {
    url: `http://127.0.0.1:${port}`,
    lines: [],
    requests: [],
    mood: 204,
    stop: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
  return stub;
}

async function take(stub: InfluxStub, request: IncomingMessage, response: ServerResponse) {
  const { url = '', headers } = request;
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const raw = Buffer.concat(chunks);
  const body = headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
  stub.requests.push({ url, authorization: headers.authorization });
  const { mood } = stub;
  if (mood === 'never') return;
  if (mood === 204) stub.lines.push(...body.toString().split('\n'));
  response.writeHead(mood).end();
}
