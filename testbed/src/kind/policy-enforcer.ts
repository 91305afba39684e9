/**
 * Enforces a kind cluster's NetworkPolicies, which the replacement of kindnetd (kind-node/kindnet.sh) does
 * not. It is kube-router's firewall, and nothing else of kube-router, as a systemd unit of each node. The
 * node image stays as it is. So a test without an enforcer and one with it differ in nothing else.
 *
 * Rejected: kube-network-policies, as in kindnetd. It needs nftables' `queue` of the kernel, which not every
 * kernel has. kube-router needs ipset.
 */
import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { Fault } from '@spillway/core';
import { ensureProgram } from '../binaries.ts';
import { ensurePackages, findProgram } from '../docker/debian-packages.ts';
import { must } from '../kind-node/must.ts';
import { waitFor } from '../wait-for.ts';
import type { KindNode } from './create-cluster.ts';
import type { Docker } from './docker.ts';

export interface EnforcedCluster {
  readonly docker: Docker;
  /** The control plane's first. */
  readonly nodes: readonly KindNode[];
  readonly serviceSubnet: string;
}

const unit = 'kube-router';
const kubeconfigFile = '/etc/kube-router.kubeconfig';
/** The last rule of a first round: by then there is one for every pod and policy. */
const doneMark = 'ACCEPT traffic that comply to network policies';
const doneMsMax = 60_000;

/** Returns when every policy that there was is in force. @throws Fault that says what is missing, or did not start */
export async function enforceNetworkPolicies(cluster: EnforcedCluster): Promise<void> {
  const { docker, nodes } = cluster;
  const programs = [await ensureProgram('kube-router'), ...(await ipset())];
  const first = nodes[0]?.name ?? '';
  // An administrator's: a node's own account may not read all pods and policies.
  const kubeconfig = await docker.call(['exec', first, 'cat', '/etc/kubernetes/admin.conf']);
  await Promise.all(
    nodes.map(async ({ name }) => {
      for (const file of programs) {
        const folder = basename(file).startsWith('lib') ? 'lib' : 'bin';
        await docker.call(['cp', file, `${name}:/usr/local/${folder}/${basename(file)}`]);
      }
      const write = async (file: string, input: string): Promise<string> =>
        await docker.call(['exec', '--interactive', name, 'tee', file], { input });
      await write(kubeconfigFile, kubeconfig);
      await write(`/etc/systemd/system/${unit}.service`, unitFile(cluster));
      await docker.call(['exec', name, 'ldconfig']);
      await docker.call(['exec', name, 'systemctl', 'enable', '--now', unit]);
      await inForce(docker, name);
    }),
  );
}

/** The program and its own library, as this machine has them; the rest of what it needs is in every node. */
async function ipset(): Promise<readonly string[]> {
  await ensurePackages({ ipset: 'ipset' });
  const program = findProgram('ipset') ?? 'ipset';
  const library = /\S+\/libipset\.so\S*/.exec(await must('ldd', [program]))?.[0];
  return [program, ...(library === undefined ? [] : [library])].map((file) => realpathSync(file));
}

function unitFile({ serviceSubnet }: EnforcedCluster): string {
  const flags = [
    '--run-firewall=true',
    '--run-router=false',
    '--run-service-proxy=false',
    `--kubeconfig=${kubeconfigFile}`,
    `--service-cluster-ip-range=${serviceSubnet}`,
  ];
  return `[Unit]
Description=NetworkPolicies, enforced by kube-router
[Service]
ExecStart=/usr/local/bin/kube-router ${flags.join(' ')}
Restart=always
RestartSec=1
[Install]
WantedBy=multi-user.target
`;
}

async function inForce(docker: Docker, node: string): Promise<void> {
  const inNode = async (...command: string[]): Promise<string> =>
    (await docker.run(['exec', node, ...command])).stdout;
  try {
    await waitFor(
      `${node}: kube-router has made its rules`,
      async () =>
        (await inNode('iptables-save', '-t', 'filter')).includes(doneMark) ? true : undefined,
      { timeoutMs: doneMsMax, everyMs: 250 },
    );
  } catch (error) {
    const log = ['--no-pager', '--output=cat', '--lines=12'];
    const said = await inNode('journalctl', `--unit=${unit}`, ...log);
    throw new Fault('Unavailable', `${(error as Error).message}\n${said}`, { cause: error });
  }
}
