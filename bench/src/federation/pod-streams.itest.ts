/**
 * kubectl and the kubelet's API of virtual nodes, on real API servers: what users see, and who gets in.
 * KWOK plays the kubelets at the host; pods that really run are in installed/pod-streams.itest.ts.
 */
import type { Pod } from '@spillway/core';
import { clientCertificate, firstLogLine, type LocalCluster, waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Setting } from '../drills/setting.ts';
import type { Federation } from './federation.ts';
import { ask, type Asking, kubeletOf } from './kubelet-client.ts';

const soon = { timeoutMs: 60_000, everyMs: 100 };
const lease = ['lease.durationMs=4000', 'lease.renewMs=3000', 'lease.retryMs=500'];

let setting: Setting;
let federation: Federation;
let home: LocalCluster;
let host: string;
let node: string;

beforeAll(async () => {
  setting = await Setting.start({ clusters: 2, pods: 8, say: () => {} });
  home = setting.homeCluster;
  host = setting.hosts[0] ?? '';
  node = `spillway-${host}`;
  federation = await setting.federation(lease);
  await home.apply(`apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { spillway.dev/offload: enabled } }
---
apiVersion: v1
kind: Pod
metadata: { name: web, namespace: shop, annotations: { testbed.spillway.dev/run-time: 3600s } }
spec:
  restartPolicy: Never
  containers: [{ name: main, image: x, resources: { requests: { cpu: 250m } } }]
`);
  await waitFor('it runs away', () => setting.pods('shop').some(runsAway) || undefined, soon);
});

afterAll(async () => await setting?.stop());

function runsAway({ spec, status }: Pod): boolean {
  return spec.nodeName === node && status?.phase === 'Running';
}

const log = '/containerLogs/shop/web/main';

async function asked(asking: Asking) {
  return await ask(await kubeletOf(home, node), asking);
}

/** A token of an account that may do `verbs` with `nodes/proxy`, of that node or of any. */
async function tokenOf(name: string, verbs = '', of = ''): Promise<string> {
  const names = of && `, resourceNames: [${of}]`;
  await home.apply(`apiVersion: v1
kind: ServiceAccount
metadata: { name: ${name}, namespace: default }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: ${name} }
rules: [${verbs && `{ apiGroups: [''], resources: [nodes/proxy], verbs: [${verbs}]${names} }`}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: ${name} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ${name} }
subjects: [{ kind: ServiceAccount, name: ${name}, namespace: default }]
`);
  const path = `/api/v1/namespaces/default/serviceaccounts/${name}/token`;
  const made = await home.client.call<{ status: { token: string } }>('POST', path, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {},
  });
  return made.status.token;
}

describe('kubectl, of a pod that is away', () => {
  test('shows its log through the home’s API server alone', async () => {
    const shown = await home.kubectl(['logs', 'web', '-n', 'shop', '--tail=1']);
    expect(shown.stderr).toBe('');
    expect(shown.stdout).toBe(`${firstLogLine}\n`);
  });

  test('says what the host’s kubelet says', async () => {
    const ran = await home.kubectl(['exec', 'web', '-n', 'shop', '--', 'true']);
    expect(ran.code).not.toBe(0);
    // KWOK runs no commands here.
    expect(ran.stderr).toContain('no exec');
    const previous = await home.kubectl(['logs', 'web', '-n', 'shop', '--previous']);
    expect(previous.code).not.toBe(0);
    expect(previous.stderr).not.toContain('neighbour');
  });
});

describe('a stream', () => {
  test.each([
    ['exec', '/exec/shop/web/main?command=true&output=1'],
    ['attach', '/attach/shop/web/main?output=1'],
    ['port-forward', '/portForward/shop/web?port=80'],
  ])(
    'of %s opens by SPDY and by WebSocket, in the words that both ends agree on',
    async (_, path) => {
      const certificate = home.kubeletClient;
      const opened = await asked({ path, certificate, method: 'POST', upgrade: 'SPDY/3.1' });
      expect(opened, opened.text).toMatchObject({ status: 101 });
      expect(['v4.channel.k8s.io', 'portforward.k8s.io']).toContain(opened.protocol);
      const other = await asked({ path, certificate, upgrade: 'websocket' });
      expect(other, other.text).toMatchObject({ status: 101, protocol: 'v4.channel.k8s.io' });
    },
  );
});

describe('the kubelet’s API', () => {
  test('lets in the API server by its certificate', async () => {
    const certificate = home.kubeletClient;
    expect(await asked({ path: log, certificate })).toMatchObject({ status: 200 });
    expect(await asked({ path: '/healthz', certificate })).toMatchObject({ status: 200 });
  });

  test('lets in a token that may use the virtual node, and with the verbs that it has', async () => {
    const token = await tokenOf('reader', 'get', node);
    const answer = await asked({ path: log, token });
    expect(answer.text).toContain(firstLogLine);
    const path = '/exec/shop/web/main?command=true';
    expect(await asked({ path, token, method: 'POST', upgrade: 'SPDY/3.1' })).toMatchObject({
      status: 403,
    });
  });

  test.each([
    ['shows nothing', 401, async () => ({})],
    [
      'has a certificate of another CA',
      401,
      async () => ({ certificate: clientCertificate('admin', 'system:masters') }),
    ],
    ['has a token that nobody has signed', 401, async () => ({ token: 'a.b.c' })],
    ['may do nothing', 403, async () => ({ token: await tokenOf('nobody') })],
    [
      'may use another node only',
      403,
      async () => ({ token: await tokenOf('elsewhere', "'*'", 'node-1') }),
    ],
  ] as const)('keeps out who %s: %i', async (_, status, made) => {
    const who: Omit<Asking, 'path'> = await made();
    expect((await asked({ path: log, ...who })).status).toBe(status);
    expect((await asked({ path: '/healthz', ...who })).status).toBe(status);
    const path = '/exec/shop/web/main?command=true';
    const upgrade = { method: 'POST', upgrade: 'SPDY/3.1' } as const;
    expect((await asked({ path, ...upgrade, ...who })).status).toBe(status);
  });

  test('knows no pod that is not away', async () => {
    const certificate = home.kubeletClient;
    const filler = [...setting.histories.pods(home.name).values()].find(({ spec }) =>
      spec.nodeName?.startsWith('node-'),
    );
    const { namespace = '', name = '' } = filler?.metadata ?? {};
    const atHome = { path: `/containerLogs/${namespace}/${name}/main`, certificate };
    expect(await asked(atHome)).toMatchObject({ status: 404 });
    const unknown = { path: '/containerLogs/shop/other/main', certificate };
    expect(await asked(unknown)).toMatchObject({ status: 404 });
    const another = { path: '/portForward/shop/web/another-uid', certificate };
    expect(await asked({ ...another, method: 'POST', upgrade: 'SPDY/3.1' })).toMatchObject({
      status: 404,
    });
    expect(await asked({ path: '/pods', certificate })).toMatchObject({ status: 404 });
  });
});

test('a container that the pod does not have is refused in the words of the host’s API server', async () => {
  const path = '/containerLogs/shop/web/no-such-container';
  const answer = await asked({ path, certificate: home.kubeletClient });
  expect(answer.status).toBe(400);
  expect(answer.text).toContain('no-such-container');
});

test('after a hand-over the virtual node leads to the agent that took over', async () => {
  const standby = await federation.standby(home.name);
  const before = await kubeletOf(home, node);
  await federation.agent(home.name).end('SIGKILL');
  await standby.ready();
  await waitFor(
    'the log is shown again',
    async () => {
      const shown = await home.kubectl(['logs', 'web', '-n', 'shop', '--tail=1']);
      return shown.code === 0 || undefined;
    },
    soon,
  );
  expect((await kubeletOf(home, node)).port).not.toBe(before.port);
});

test('a host whose agent is gone is named', async () => {
  await federation.agent(host).end('SIGKILL');
  const shown = await waitFor(
    'it is known to be gone',
    async () => {
      const ran = await home.kubectl(['logs', 'web', '-n', 'shop']);
      return ran.code !== 0 ? ran : undefined;
    },
    soon,
  );
  expect(shown.stderr).toContain(`neighbour ${host}`);
});
