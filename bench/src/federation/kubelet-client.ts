/** Asks the kubelet's API of a virtual node as an API server does, or as one who has no business there. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Node } from '@spillway/core';
import type { ClientCertificate, Cluster } from '@spillway/testbed';

export interface Asking {
  readonly path: string;
  readonly method?: 'GET' | 'POST';
  readonly certificate?: ClientCertificate;
  readonly token?: string;
  readonly upgrade?: 'SPDY/3.1' | 'websocket';
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly protocol: string | undefined;
}

/** Where the virtual node says that its kubelet is. */
export async function kubeletOf(
  cluster: Cluster,
  node: string,
): Promise<{ readonly host: string; readonly port: number }> {
  const { status } = await cluster.client.get<VirtualNode>(`/api/v1/nodes/${node}`);
  const [first] = status.addresses ?? [];
  return { host: first?.address ?? '', port: status.daemonEndpoints?.kubeletEndpoint?.Port ?? 0 };
}

interface VirtualNode extends Node {
  readonly status: NonNullable<Node['status']> & {
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    readonly daemonEndpoints?: { readonly kubeletEndpoint?: { readonly Port?: number } };
  };
}

const spdy = { 'x-stream-protocol-version': ['v4.channel.k8s.io', 'portforward.k8s.io'] };
const webSocket = {
  'sec-websocket-key': 'c3BpbGx3YXktc3BpbGx3YQ==',
  'sec-websocket-version': '13',
  'sec-websocket-protocol': 'v4.channel.k8s.io',
};

/** Of a stream that opens, only that it does: it ends at once. */
export async function ask(
  kubelet: { readonly host: string; readonly port: number },
  { path, method = 'GET', certificate, token, upgrade }: Asking,
): Promise<Answer> {
  const sent = request({
    ...kubelet,
    path,
    method,
    ...certificate,
    // As API servers do that verify no kubelet.
    rejectUnauthorized: false,
    agent: false,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(upgrade && { connection: 'Upgrade', upgrade }),
      ...(upgrade === 'SPDY/3.1' && spdy),
      ...(upgrade === 'websocket' && webSocket),
    },
  });
  sent.end();
  const upgraded = once(sent, 'upgrade') as Promise<[IncomingMessage, Duplex]>;
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
  // The one that loses says so by an error of the request that ends with it.
  for (const each of [upgraded, answered]) each.catch(() => {});
  const [response, socket] = await Promise.race([upgraded, answered]);
  const { statusCode: status = 0, headers } = response;
  const protocol = headers['x-stream-protocol-version'] ?? headers['sec-websocket-protocol'];
  const answer = { status, protocol: protocol?.toString() };
  if (socket === undefined) return { ...answer, text: await text(response) };
  socket.destroy();
  return { ...answer, text: '' };
}
