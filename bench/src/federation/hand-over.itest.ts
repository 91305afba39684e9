/**
 * A host's active agent is stopped while its API server is slow to create shadows. The Lease passes on only
 * when no creation is under way: one that came through later could run beside its replacement.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { setTimeout as after } from 'node:timers/promises';
import { wellKnown } from '@spillway/core';
import { type LocalCluster, waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isRunning, Setting } from '../drills/setting.ts';

const pods = 3;
/** How long the host's API server takes for each shadow (ms); less than an agent waits for a call. */
const slowMs = 4_000;
const soon = { timeoutMs: 60_000, everyMs: 50 };

let setting: Setting;
let slow: SlowAdmission;

beforeAll(async () => {
  setting = await Setting.start({ clusters: 2, pods: 20, say: () => {} });
  slow = await SlowAdmission.install(setting.testbed.cluster(setting.hosts[0] ?? ''));
});

afterAll(async () => {
  slow?.stop();
  await setting?.stop();
});

test('a stopped agent gives its Lease back when no shadow is being created any more', async () => {
  const [host = ''] = setting.hosts;
  const federation = await setting.federation();
  const standby = await federation.standby(host);
  const agent = federation.agent(host);
  await setting.homeCluster.apply('{apiVersion: v1, kind: Namespace, metadata: {name: shop}}');
  for (let i = 0; i < pods; i++) await makePod(`p${i}`);
  await waitFor('shadows are being created', () => slow.underWay > 0 || undefined, soon);

  const stopped = agent.end('SIGTERM');
  const holders = await holdersUntilGivenBack(setting.testbed.cluster(host));
  await stopped;
  // Whatever was asked before the Lease was given back had been answered by then.
  expect(holders.underWayWhenGivenBack).toBe(0);
  expect(slow.answered).toBeGreaterThan(0);

  await standby.ready();
  await waitFor(
    'every pod runs',
    () => {
      const made = setting.pods('shop');
      return (made.length === pods && made.every(isRunning)) || undefined;
    },
    soon,
  );
  expect(setting.shadows()).toBe(pods);
}, 120_000);

/** Resolves at the first sight of a Lease that the stopped agent holds no more. */
async function holdersUntilGivenBack(cluster: LocalCluster) {
  const path = '/apis/coordination.k8s.io/v1/namespaces/spillway-system/leases/spillway-agent';
  const holder = async (): Promise<string> => {
    const lease = await cluster.client.call<{ spec: { holderIdentity?: string } }>('GET', path);
    return lease.spec.holderIdentity ?? '';
  };
  const first = await holder();
  return await waitFor(
    'the Lease is given back',
    async () => {
      // Counted before the Lease is read: what ends between the two does not count as ended.
      const { underWay } = slow;
      return (await holder()) === first ? undefined : { underWayWhenGivenBack: underWay };
    },
    { timeoutMs: 60_000, everyMs: 20 },
  );
}

async function makePod(name: string): Promise<void> {
  await setting.homeCluster.client.call('POST', '/api/v1/namespaces/shop/pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      schedulerName: wellKnown.schedulerName,
      containers: [
        {
          name: 'main',
          image: 'registry.example/main:1',
          resources: { requests: { cpu: '250m', memory: '64Mi' } },
        },
      ],
    },
  });
}

interface AdmissionReview {
  readonly request: { readonly uid: string; readonly dryRun?: boolean };
}

/** A real admission webhook of the host: it allows every shadow, but for tries only after a while. */
class SlowAdmission {
  underWay = 0;
  answered = 0;
  readonly #server: Server;

  private constructor(cert: string, key: string) {
    this.#server = createServer({ cert, key }, (request, response) => {
      void this.#answer(request, response);
    });
  }

  static async install(cluster: LocalCluster): Promise<SlowAdmission> {
    const certificate = readFileSync(join(cluster.folder, 'certs', 'apiserver.crt'));
    const key = readFileSync(join(cluster.folder, 'certs', 'apiserver.key'), 'utf8');
    const slow = new SlowAdmission(certificate.toString(), key);
    slow.#server.listen(0, '127.0.0.1');
    await once(slow.#server, 'listening');
    const { port } = slow.#server.address() as AddressInfo;
    await cluster.client.call(
      'POST',
      '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations',
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingWebhookConfiguration',
        metadata: { name: 'slow' },
        webhooks: [
          {
            name: 'slow.example.com',
            clientConfig: {
              url: `https://127.0.0.1:${port}/`,
              caBundle: certificate.toString('base64'),
            },
            rules: [
              { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] },
            ],
            namespaceSelector: {
              matchExpressions: [{ key: wellKnown.homeLabel, operator: 'Exists' }],
            },
            sideEffects: 'None',
            admissionReviewVersions: ['v1'],
            timeoutSeconds: 10,
          },
        ],
      },
    );
    return slow;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { request: review } = (await json(request)) as AdmissionReview;
    if (!review.dryRun) {
      this.underWay += 1;
      await after(slowMs);
      this.underWay -= 1;
      this.answered += 1;
    }
    const answer = { uid: review.uid, allowed: true };
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        response: answer,
      }),
    );
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
