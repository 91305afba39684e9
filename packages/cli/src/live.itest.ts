/**
 * Every command that asks an agent, against a live federation of two clusters. The tests check what it
 * prints for people, and that its JSON is what schemas/ says. Then they check what goes wrong on the way to
 * an agent, with a real API server.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Federation, startFederation } from '@spillway/bench';
import { equalNodes, startTestbed, type Testbed, waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const soon = { timeoutMs: 60_000, everyMs: 500 };
let testbed: Testbed;
let federation: Federation;
let folder: string;

const workload = `
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels: { spillway.dev/offload: enabled }
  annotations: { spillway.dev/policy: 'nearest; rtt<=500' }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  replicas: 4
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: registry.example/web:1, resources: { requests: { cpu: 1500m } } }] }
---
apiVersion: v1
kind: Pod
metadata: { name: huge, namespace: shop }
spec: { schedulerName: spillway, containers: [{ name: c, image: x, resources: { requests: { cpu: 60 } } }] }
---
apiVersion: v1
kind: Pod
metadata: { name: alien, namespace: default }
spec: { containers: [{ name: c, image: x, resources: { requests: { cpu: 60 } } }] }
`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-cli-'));
  testbed = await startTestbed({
    clusters: [
      { name: 'paris', city: 'paris', nodes: equalNodes(1) },
      { name: 'lyon', city: 'lyon', nodes: equalNodes(2) },
    ],
  });
  federation = await startFederation(testbed);
  await testbed.cluster('paris').apply(workload);
  // 2 of 1.5 CPU fit on the home's node of 4.
  await waitFor(
    'two pods are away',
    () =>
      (json('status', 'paris') as { away: Record<string, number> }).away['lyon'] === 2 || undefined,
    soon,
  );
});

afterAll(async () => {
  await federation?.stop();
  await testbed?.stop();
  rmSync(folder, { recursive: true });
});

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function environment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return {
    ...process.env,
    NO_COLOR: '1',
    KUBECONFIG: testbed.kubeconfig,
    SPILLWAY_AGENT: '',
    ...more,
  };
}

function run(args: readonly string[], more?: Readonly<Record<string, string>>): Run {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--conditions=spillway-source', main, ...args],
    { cwd: folder, encoding: 'utf8', env: environment(more) },
  );
  return { status, stdout, stderr };
}

/** Of the command line with the agent's address, as for agents that are plain processes. */
function spillway(line: string, cluster = 'paris'): Run {
  const { httpUrl } = federation.agent(cluster);
  return run(line.split(' '), { SPILLWAY_AGENT: httpUrl });
}

function json(line: string, cluster = 'paris'): unknown {
  const { stdout, stderr } = spillway(`${line} -o json`, cluster);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as unknown;
}

function schema(name: string): z.ZodType {
  const file = fileURLToPath(new URL(`../schemas/${name}.schema.json`, import.meta.url));
  return z.fromJSONSchema(JSON.parse(readFileSync(file, 'utf8')) as z.core.JSONSchema.JSONSchema);
}

const file = 'api.yaml';

function namesIn({ stdout, stderr }: Pick<Run, 'stdout' | 'stderr'>): readonly string[] {
  expect(stderr).toBe('');
  const { batches } = JSON.parse(stdout) as { batches: { name: string }[] };
  return batches.map(({ name }) => name);
}

describe('-o json is what the schema says', () => {
  test.each([
    ['status', 'status'],
    ['neighbours', 'neighbours'],
    ['top', 'top --once'],
    ['explain-pod', 'explain pod huge -n shop'],
    ['explain-pod', 'explain pod alien -n default'],
    ['explain-deployment', 'explain deployment web -n shop'],
    ['policy', 'policy'],
    ['policy', 'policy huge -n shop'],
    ['events', 'events -n shop'],
    ['events', 'events -A'],
    ['doctor', 'doctor'],
    ['version', 'version'],
    ['version', 'version --client'],
    ['dry-run', `dry-run -f ${file}`],
  ])('%s: spillway %s', (name, line) => {
    writeFileSync(join(folder, file), workload);
    const value = json(line);
    expect(schema(name).safeParse(value).error).toBeUndefined();
    const rubbish = Array.isArray(value) ? [{}] : {};
    expect(schema(name).safeParse(rubbish).success).toBe(false);
  });
});

describe('spillway status', () => {
  test('says what the cluster has and where its pods are', () => {
    const { stdout, status } = spillway('status');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Cluster: +paris$/m);
    expect(stdout).toMatch(/^Our pods away: +lyon 2$/m);
    expect(spillway('status', 'lyon').stdout).toMatch(/^Guests here: +paris 2$/m);
    expect(spillway('status -o name').stdout).toBe('cluster/paris\n');
    expect(spillway('status -o yaml').stdout).toMatch(/^cluster: paris$/m);
  });
});

describe('spillway neighbours', () => {
  test('are listed with their RTT, as names, and wide', () => {
    expect(spillway('neighbours').stdout).toMatch(/^lyon +alive +[\d.]+ms .* 2 +0 /m);
    expect(spillway('nb -o name').stdout).toBe('neighbour/lyon\n');
    expect(spillway('neighbors -o wide').stdout).toMatch(/direct .*\/ip4\/127\.0\.0\.1\/tcp/);
  });

  test.each([
    ['name', /^(neighbour\/lyon\n){3}/],
    ['table', /^(NEIGHBOUR .*\nlyon .*\n\n){3}/],
    ['yaml', /^(- cluster: lyon\n( .*\n)+---\n){3}/],
  ])('-w -o %s shows them again and again, until it is interrupted', async (format, thrice) => {
    const child = spawn(
      process.execPath,
      ['--conditions=spillway-source', main, ...`nb -o ${format} -w --interval 0.2`.split(' ')],
      { env: environment({ SPILLWAY_AGENT: federation.agent('paris').httpUrl }) },
    );
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    await waitFor('three times', () => thrice.test(out) || undefined, soon);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGINT');
    await ended;
  });
});

test('spillway top shows all clusters, the asked one marked', () => {
  const { stdout } = spillway('top');
  expect(stdout).toMatch(/^paris \* +alive/m);
  expect(stdout).toMatch(/^lyon +alive/m);
  expect(stdout).toContain('* paris: 1 waiting; away: lyon 2');
});

describe('spillway explain', () => {
  test('pod: why it waits, neighbour by neighbour', () => {
    const { stdout } = spillway('explain pod huge -n shop');
    expect(stdout).toMatch(/^huge waits: .*Insufficient cpu/);
    // By its advert until it is asked, then in its own words.
    expect(stdout).toMatch(/^lyon +(has no node with room for this pod|2 Insufficient cpu)$/m);
  });

  test('pod: one that is not ours, by what the API server says', () => {
    const { stdout } = spillway('explain pod alien -n default');
    expect(stdout).toContain(
      'default-scheduler schedules it, and its namespace does not have the label',
    );
  });

  test('pod: one that is not there', () => {
    const { status, stderr } = spillway('explain pod nobody -n shop');
    expect([status, stderr]).toEqual([
      4,
      'Error from server (NotFound): pods "nobody" not found\n',
    ]);
  });

  test('deployment: every pod, at home and away; and where at the host', async () => {
    const { pods } = json('explain deployment web -n shop') as {
      pods: { name: string; state: string }[];
    };
    expect(pods.map(({ state }) => state).sort()).toEqual(['away', 'away', 'home', 'home']);
    const away = pods.find(({ state }) => state === 'away')?.name ?? '';
    expect(spillway('explain deployment web -n shop').stdout).toMatch(
      new RegExp(`^${away} +Running +away +lyon$`, 'm'),
    );
    const guests = 'spillway-paris-shop';
    expect(spillway(`explain pod ${away} -n shop`).stdout).toBe(
      [
        `${away} is at lyon (Running), in namespace ${guests}.`,
        'Services here do not list it: the pod networks are not joined.\n',
      ].join('\n'),
    );
    const there = `/api/v1/namespaces/${guests}/pods/${away}`;
    expect(await testbed.cluster('lyon').client.get(there)).toMatchObject({ kind: 'Pod' });
    const guest = spillway(`explain pod ${away} -n ${guests}`, 'lyon');
    expect(guest.stdout).toMatch(
      new RegExp(
        `^${away} is a guest of paris, where it is pod ${away} in namespace shop\\.\nIt is on node \\S+ \\(Running\\)\\.\n$`,
      ),
    );
    const asJson = run(['explain', 'pod', away, '-n', guests, '-o', 'json'], {
      SPILLWAY_AGENT: federation.agent('lyon').httpUrl,
    });
    expect(schema('explain-pod').safeParse(JSON.parse(asJson.stdout)).error).toBeUndefined();
    expect(spillway('explain deployment nothing -n shop').status).toBe(4);
  });
});

describe('a pod that needs what no neighbour has', () => {
  // 3 CPU fit on a node at lyon, and not beside the two of 1.5 at home.
  const needy = `
apiVersion: v1
kind: Pod
metadata: { name: needy, namespace: shop }
spec:
  schedulerName: spillway
  containers:
    - { name: c, image: x, resources: { requests: { cpu: 2500m } }, envFrom: [{ configMapRef: { name: app } }] }
`;

  test('waits, and never was anywhere: decision, explanation and forecast name the ConfigMap', async () => {
    const cluster = testbed.cluster('paris');
    writeFileSync(join(folder, 'needy.yaml'), needy);
    writeFileSync(join(folder, 'fine.yaml'), needy.replace(/, envFrom: .*\]/, ''));
    const before = spillway('dry-run -f needy.yaml').stdout;
    expect(before).toMatch(/^1 +lyon .*if its agent agrees, and has ConfigMap app in namespace/m);
    const asked = spillway('dry-run -f needy.yaml --ask');
    expect(asked.status).toBe(1);
    expect(asked.stdout).toMatch(/^1 +nowhere/m);
    expect(asked.stdout).toMatch(/^lyon \S+ +.*ConfigMap app/m);
    const { stdout: agreed } = spillway('dry-run -f fine.yaml --ask');
    expect(agreed).toMatch(/^1 +lyon +\S+ +it agrees$/m);
    await cluster.apply(needy);
    const { stdout } = await waitFor(
      'lyon has refused it',
      () => {
        const said = spillway('explain pod needy -n shop');
        return /^lyon +.*ConfigMap app/m.test(said.stdout) ? said : undefined;
      },
      soon,
    );
    expect(stdout).toMatch(/^needy waits: /);
    expect(stdout).not.toContain('is at lyon');
    await cluster.client.call('DELETE', '/api/v1/namespaces/shop/pods/needy', {
      gracePeriodSeconds: 0,
    });
  });
});

describe('spillway dry-run', () => {
  test('says where pods would go and creates none; exit code 1 when some would wait', async () => {
    const before = json('top --once');
    writeFileSync(
      join(folder, file),
      workload.replaceAll('name: web', 'name: api').replace('replicas: 4', 'replicas: 9'),
    );
    interface Answer {
      readonly batches: readonly {
        name: string;
        neighbours: { count: number }[];
        nowhere: number;
        home: unknown[];
      }[];
    }
    // floor(4 / 1.5) = 2 on each of two nodes, less the two that are there.
    const api = await waitFor(
      'lyon says that what it held for others is free again',
      () => {
        const [of] = (json(`dry-run -f ${file}`) as Answer).batches;
        return of?.nowhere === 9 - 2 ? of : undefined;
      },
      soon,
    );
    expect(api).toMatchObject({ name: 'deployment/api', home: [] });
    expect(api.neighbours).toMatchObject([{ cluster: 'lyon', count: 2 }]);
    const { stdout, status } = spillway(`dry-run -f ${file}`);
    expect(status).toBe(1);
    expect(stdout).toContain('paris (home)   1 node: Insufficient cpu');
    expect(stdout).toMatch(/^lyon \S+ +takes 2, then has no node with room for this pod$/m);
    expect(json('top --once')).toMatchObject(
      (before as { cluster: string; ours: number }[]).map(({ cluster, ours }) => ({
        cluster,
        ours,
      })),
    );
    const { stdout: pods } = testbedKubectl('get', 'pods', '-A', '-o', 'name');
    expect(pods).not.toContain('api');
  });

  test('names the file that is not there, and what is no manifest', () => {
    expect(spillway('dry-run -f nowhere.yaml')).toMatchObject({
      status: 4,
      stderr: expect.stringContaining('nowhere.yaml'),
    });
    writeFileSync(join(folder, 'bad.yaml'), 'kind: Pod');
    expect(spillway('dry-run -f bad.yaml')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('bad.yaml, document 1: expected apiVersion and kind'),
    });
  });

  test('takes a folder, standard input, and a kustomization as the real kubectl builds it', () => {
    const under = join(folder, 'kustomized');
    mkdirSync(under);
    writeFileSync(join(under, file), workload);
    const SPILLWAY_AGENT = federation.agent('paris').httpUrl;
    const folders = run(['dry-run', '-f', 'kustomized', '-o', 'json'], { SPILLWAY_AGENT });
    expect(namesIn(folders)).toEqual(['deployment/web', 'pod/huge', 'pod/alien']);
    const piped = spawnSync(
      process.execPath,
      ['--conditions=spillway-source', main, 'dry-run', '-f', '-', '-o', 'json'],
      { input: workload, encoding: 'utf8', env: environment({ SPILLWAY_AGENT }) },
    );
    expect(namesIn(piped)).toEqual(['deployment/web', 'pod/huge', 'pod/alien']);
    writeFileSync(join(under, 'kustomization.yaml'), `resources: [${file}]\nnamePrefix: eu-\n`);
    const PATH = `${dirname(testbed.kubectl)}:${process.env['PATH']}`;
    const built = run(['dry-run', '-f', 'kustomized', '-o', 'json'], { SPILLWAY_AGENT, PATH });
    expect(namesIn(built)).toEqual(['deployment/eu-web', 'pod/eu-alien', 'pod/eu-huge']);
    writeFileSync(join(under, 'kustomization.yaml'), 'resources: [nowhere.yaml]\n');
    expect(run(['dry-run', '-f', 'kustomized'], { SPILLWAY_AGENT, PATH })).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('kubectl kustomize kustomized: '),
    });
  });

  test.each([
    ['requests', 'resources: { requests: { cpu: [1] } }'],
    ['a quantity', 'resources: { requests: { cpu: much } }'],
    ['ports', 'ports: 3'],
    ['env', 'env: { a: b }'],
  ])('names the object whose %s no API server would take', (_, part) => {
    const text = `apiVersion: v1\nkind: Pod\nmetadata: { name: odd }\nspec: { containers: [{ name: c, ${part} }] }`;
    writeFileSync(join(folder, 'odd.yaml'), text);
    const { status, stdout, stderr } = spillway('dry-run -f odd.yaml');
    // What does not decide where it fits, Spillway does not read.
    if (status !== 0)
      expect([status, stdout, stderr]).toEqual([
        2,
        '',
        expect.stringContaining('odd.yaml, document 1 (pod/odd): '),
      ]);
    expect(stderr).not.toContain('    at ');
  });
});

test.each([
  ['explain deployment nosuch -n shop', 'deployments.apps "nosuch" not found'],
  ['explain deploy/nosuch -n shop', 'deployments.apps "nosuch" not found'],
  ['explain rs nosuch -n shop', 'replicasets.apps "nosuch" not found'],
  ['explain sts/nosuch -n shop', 'statefulsets.apps "nosuch" not found'],
  ['explain ds nosuch -n shop', 'daemonsets.apps "nosuch" not found'],
  ['explain job/nosuch -n shop', 'jobs.batch "nosuch" not found'],
  ['explain deployment web -n nosuch', 'namespaces "nosuch" not found'],
  ['explain pod web -n nosuch', 'namespaces "nosuch" not found'],
  ['events -n nosuch', 'namespaces "nosuch" not found'],
  ['policy -n nosuch', 'namespaces "nosuch" not found'],
])('%s says what kubectl would', (line, said) => {
  expect(spillway(line)).toEqual({
    status: 4,
    stdout: '',
    stderr: `Error from server (NotFound): ${said}\n`,
  });
});

test('spillway policy says what is in force, and where it comes from', () => {
  expect(spillway('policy').stdout).toMatch(
    /^namespace\/shop +may leave +nearest; rtt<=500 +annotation spillway.dev\/policy of namespace shop$/m,
  );
  expect(spillway('policy nobody -n shop').status).toBe(4);
});

describe('spillway events', () => {
  test('of one namespace, and of none', () => {
    expect(spillway('events -n shop').stdout).toMatch(/FailedScheduling +huge/);
    expect(spillway('events -n default').stdout).toBe(
      'Spillway has written no events about pods in namespace default lately. -A shows all namespaces.\n',
    );
  });

  test('-w goes on with what is said from now on', async () => {
    const child = spawn(
      process.execPath,
      ['--conditions=spillway-source', main, 'events', '-A', '-w', '-o', 'json'],
      { env: environment() },
    );
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    await waitFor('what was said before', () => out.includes('"huge"') || undefined, soon);
    await testbed
      .cluster('paris')
      .apply(workload.replace('name: huge', 'name: huger').replace('cpu: 60', 'cpu: 61'));
    await waitFor('what is said now', () => out.includes('"huger"') || undefined, soon);
    child.kill('SIGINT');
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(schema('events').safeParse(lines).error).toBeUndefined();
  });
});

describe('spillway doctor', () => {
  test('finds both ways open, all rights granted, and no errors', () => {
    const { stdout, status } = spillway('doctor -o wide');
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /OK {2}reachability: lyon\n {2}in both directions: [\d.]+ ms there, [\d.]+ ms back/,
    );
    expect(stdout).toMatch(
      /OK {2}rights: RBAC\n {2}all \d+ rights that the agent needs are granted/,
    );
    expect(stdout).toMatch(/OK {2}lease: spillway-system\/spillway-agent/);
    expect(stdout).toMatch(/WARNING {2}certificates: paris\n {2}expires in 23 hours/);
  });

  test('finds a right that was taken away, says what to do, and ends with 6', async () => {
    const role = '/apis/rbac.authorization.k8s.io/v1/clusterroles/spillway-agent';
    const { client } = testbed.cluster('paris');
    const before = await client.get<{ rules: { resources: string[] }[] }>(role);
    const rules = before.rules.filter(({ resources }) => !resources.includes('pods/binding'));
    await client.call('PUT', role, { ...before, rules });
    const { stdout, status } = await waitFor(
      'the API server has noticed',
      () => {
        const found = spillway('doctor');
        return found.status === 6 ? found : undefined;
      },
      soon,
    );
    expect(status).toBe(6);
    expect(stdout).toMatch(
      /ERROR {2}rights: create pods\/binding\n.*placing pods[^]*→ install the chart/,
    );
    const now = await client.get<{ metadata: object }>(role);
    await client.call('PUT', role, { ...before, metadata: now.metadata });
  });

  test('finds a neighbour that can’t be reached', async () => {
    await federation.agent('lyon').end('SIGKILL');
    const { stdout, status } = spillway('doctor');
    expect(status).toBe(6);
    expect(stdout).toMatch(/ERROR {2}reachability: lyon\n {2}this cluster cannot dial it/);
    await federation.agent('lyon').start();
    await federation.agent('lyon').ready();
  });
});

describe('on the way to an agent', () => {
  test('a context is chosen, and one that is not there is named', () => {
    const chosen = run(['events', '-A', '--context', 'lyon']);
    expect(chosen).toMatchObject({ status: 0, stderr: '' });
    expect(run(['events', '--context', 'oslo'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('has no context oslo; it has paris, lyon'),
    });
  });

  test('without any kubeconfig it says how to name one', () => {
    const { status, stderr } = run(['status'], { KUBECONFIG: '', HOME: folder });
    expect(status).toBe(2);
    expect(stderr).toContain(
      'there is no kubeconfig at ~/.kube/config: give one with --kubeconfig',
    );
  });

  test('an agent that is no pod is asked by its address', async () => {
    // On a test bed of kind `local` a pod stands for it, so that it has something to label.
    const pods = '/api/v1/namespaces/spillway-system/pods';
    await testbed.cluster('paris').client.call('DELETE', pods, { gracePeriodSeconds: 0 });
    const { status, stderr } = run(['status', '--context', 'paris']);
    expect(status).toBe(3);
    expect(stderr).toContain('is not a pod in namespace spillway-system');
    expect(stderr).toContain('--agent URL or SPILLWAY_AGENT');
  });

  test('where none is installed it says so', () => {
    const { status, stderr } = run(['status', '--agent-namespace', 'default']);
    expect(status).toBe(4);
    expect(stderr).toContain('paris: no agent is installed in namespace default');
  });

  test('where a DaemonSet has no pods, or pods of which none is active, it says so', async () => {
    const daemonSet = (nodeSelector: string): string => `
apiVersion: v1
kind: Namespace
metadata: { name: elsewhere }
---
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: spillway-agent, namespace: elsewhere, labels: { app.kubernetes.io/name: spillway } }
spec:
  selector: { matchLabels: { app.kubernetes.io/name: spillway } }
  template:
    metadata: { labels: { app.kubernetes.io/name: spillway } }
    spec: { nodeSelector: ${nodeSelector}, containers: [{ name: agent, image: x }] }
`;
    const said = async (text: string): Promise<Run> =>
      await waitFor(
        text,
        () => {
          const asked = run(['status', '--agent-namespace', 'elsewhere']);
          return asked.stderr.includes(text) ? asked : undefined;
        },
        soon,
      );
    await testbed.cluster('paris').apply(daemonSet('{ no: node }'));
    const none = await said('DaemonSet elsewhere/spillway-agent wants no pod');
    expect(none.status).toBe(3);
    expect(none.stderr).toContain('kubectl -n elsewhere describe daemonset spillway-agent');
    await testbed.cluster('paris').apply(daemonSet('{}'));
    await said('no agent is active: 1 of 1 pods stand by');
    const { status, stdout } = run(['doctor', '--agent-namespace', 'elsewhere']);
    expect([status, stdout]).toEqual([6, expect.stringContaining('no agent is active')]);
  });

  test('who lacks a right is told which, and how to grant it', async () => {
    const cluster = testbed.cluster('paris');
    await cluster.apply(
      'apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: nobody, namespace: default }\n',
    );
    const kubeconfig = await cluster.serviceAccountKubeconfig('default', 'nobody');
    const { status, stderr } = run(['status', '--kubeconfig', kubeconfig]);
    expect(status).toBe(5);
    expect(stderr).toContain(
      'you (system:serviceaccount:default:nobody) may not list pods in namespace spillway-system',
    );
    expect(stderr).toContain(
      'kubectl -n spillway-system create role spillway-user-list-pods --verb list --resource pods',
    );
    expect(stderr).toContain('--serviceaccount default:nobody');
  });

  test('an API server that is down is named', () => {
    const gone = join(folder, 'gone.kubeconfig');
    const text = readFileSync(testbed.kubeconfig, 'utf8');
    writeFileSync(
      gone,
      text.replaceAll(/server: https:\/\/127\.0\.0\.1:\d+/g, 'server: https://127.0.0.1:9'),
    );
    const { status, stderr } = run(['status', '--kubeconfig', gone, '--context', 'paris']);
    expect(status).toBe(3);
    expect(stderr).toContain(
      'the API server of context paris (https://127.0.0.1:9) cannot be reached',
    );
  });
});

function testbedKubectl(...args: readonly string[]): Run {
  const { status, stdout, stderr } = spawnSync(
    testbed.kubectl,
    ['--kubeconfig', testbed.kubeconfig, '--context', 'paris', ...args],
    { encoding: 'utf8' },
  );
  return { status, stdout, stderr };
}
