/** A test bed of kind `kind`: real clusters in Docker, links between them, and nothing left behind. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fault } from '@spillway/core';
import { namedCluster } from '../cluster.ts';
import { freePorts } from '../free-ports.ts';
import { accessIn, mergedKubeconfig } from '../kubeconfig.ts';
import { Links } from '../links.ts';
import { folderPrefix, reapOrphans, Reaper } from '../reaper.ts';
import { raiseInotify, requireMachine, type Wanted } from '../docker/machine-limits.ts';
import { isNodeImageMade } from '../kind-node/node-image.ts';
import type { KindClusterSpec, KindTestbedSpec } from '../spec.ts';
import type { Testbed } from '../testbed.ts';
import type { DockerAccess } from '../docker/ensure-docker.ts';
import { borrowDocker, giveBackScript } from './borrowed-docker.ts';
import { createCluster, type KindNode, nodesOf, runningNodes } from './create-cluster.ts';
import { Docker } from './docker.ts';
import { Doors } from './doors.ts';
import { createNetwork, removeOrphans, undoScript } from './footprint.ts';
import { KindCluster } from './kind-cluster.ts';
import { kindClustersMax, kindConfig, subnetsOf } from './kind-config.ts';
import { type Provisions, ensureProvisions } from './provisions.ts';
import { keepSysctls } from './shared-sysctls.ts';

export interface KindTestbed extends Testbed<KindCluster> {
  /** On every node of every cluster. @throws Fault `Unavailable` */
  loadImage(archive: string): Promise<void>;
}

/** Each keeps a core busy while it starts; more at once than this only make each other late. */
const startsAtOnceMax = Math.min(4, availableParallelism());
const apiPort = 6443;
/** A container's name is its host name. */
const hostNameMax = 63;

/** @throws Fault that names what is missing on this machine, or what did not start */
export async function startKindTestbed(spec: KindTestbedSpec): Promise<KindTestbed> {
  const name = `spillway-${randomBytes(3).toString('hex')}`;
  checkSpec(spec, name);
  requireMachine(wantedOf(spec));
  const access = await borrowDocker();
  const docker = new Docker(access);
  await reapOrphans();
  await removeOrphans(docker, access);
  const folder = mkdtempSync(join(tmpdir(), folderPrefix));
  if (process.env['SPILLWAY_KEEP_LOGS']) writeFileSync(join(folder, 'keep'), '');
  const reaper = new Reaper(folder);
  const starting = new Starting({ name, folder, spec, access, docker, reaper });
  try {
    return await starting.finish();
  } catch (error) {
    await starting.stop();
    throw error;
  }
}

/** What a test bed asks of its machine. */
export function wantedOf({ clusters }: Pick<KindTestbedSpec, 'clusters'>): Wanted {
  const nodes = clusters.map(({ workers = 0 }) => 1 + workers);
  return {
    clusters: clusters.length,
    nodes: nodes.reduce((sum, count) => sum + count, 0),
    makesImage: !isNodeImageMade(),
  };
}

interface StartingOptions {
  readonly name: string;
  readonly folder: string;
  readonly spec: KindTestbedSpec;
  readonly access: DockerAccess;
  readonly docker: Docker;
  readonly reaper: Reaper;
}

/** What all clusters share. */
interface Ground {
  readonly gateway: string;
  readonly links: Links;
  readonly provisions: Provisions;
}

class Starting {
  readonly #options: StartingOptions;
  readonly #abort = new AbortController();
  readonly #clusters: KindCluster[] = [];
  #links: Links | undefined;
  #doors: Doors | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: StartingOptions) {
    this.#options = options;
  }

  async finish(): Promise<KindTestbed> {
    const { name, folder, spec, access, docker, reaper } = this.#options;
    reaper.undo(undoScript(access, name));
    reaper.undo(keepSysctls(access));
    const wanted = wantedOf(spec);
    // Other test beds' nodes, which are started already, have their share.
    raiseInotify({ ...wanted, nodes: wanted.nodes + (await runningNodes(docker)) });
    reaper.undo(giveBackScript(access));
    // Says that Docker is in use, before anything that takes long.
    const gateway = await createNetwork(docker, { name, folder });
    const onPid = (pid: number): void => reaper.watch(pid);
    const provisions = await ensureProvisions();
    const links = await Links.start(spec, { onPid, host: gateway, enter: docker.enter });
    this.#links = links;
    if (docker.enter.length > 0) this.#doors = new Doors(docker.enter, onPid);
    const clusters = await this.#startAll({ gateway, links, provisions });
    const kubeconfig = join(folder, 'kubeconfig');
    const files = clusters.map((cluster) => cluster.kubeconfig);
    writeFileSync(kubeconfig, mergedKubeconfig(files), { mode: 0o600 });
    return {
      clusters,
      links,
      kubectl: provisions.programs.kubectl,
      folder,
      kubeconfig,
      cluster: (wanted) => namedCluster(clusters, wanted),
      adopt: onPid,
      async loadImage(archive) {
        await Promise.all(clusters.map((cluster) => cluster.loadImage(archive)));
      },
      stop: () => this.stop(),
    };
  }

  async stop(): Promise<void> {
    await (this.#stopped ??= this.#end());
  }

  async #end(): Promise<void> {
    this.#abort.abort();
    for (const cluster of this.#clusters) cluster.close();
    await Promise.all([this.#links?.stop(), this.#doors?.stop()]);
    await this.#options.reaper.finish();
  }

  /** In the order of the specification; the first that fails ends the others. */
  async #startAll(ground: Ground): Promise<readonly KindCluster[]> {
    const waiting = [...this.#options.spec.clusters.entries()];
    const started = new Map<string, KindCluster>();
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [index, spec] = next;
        started.set(spec.name, await this.#startOne(spec, index, ground));
      }
    };
    await Promise.all(Array.from({ length: startsAtOnceMax }, work));
    return this.#options.spec.clusters.map(({ name }) => namedCluster([...started.values()], name));
  }

  async #startOne(
    spec: KindClusterSpec,
    index: number,
    { gateway, links, provisions }: Ground,
  ): Promise<KindCluster> {
    const { name, folder, docker, reaper } = this.#options;
    const { programs, nodeImage } = provisions;
    const kindName = `${name}-${spec.name}`;
    const clusterFolder = join(folder, spec.name);
    mkdirSync(clusterFolder);
    const { nodeGraceSeconds, clusters, distinctSubnets } = this.#options.spec;
    const subnets = subnetsOf(clusters.length, distinctSubnets)[index];
    if (subnets === undefined) throw new Fault('Internal', `${spec.name} has no subnets`);
    const [apiServerPort = 0] = await freePorts(1);
    const settings = { subnets, apiServerPort, nodeGraceSeconds, ...provisions.nodeSettings };
    const config = kindConfig(spec, settings);
    const written = join(clusterFolder, 'kind.kubeconfig');
    const onPid = (pid: number): void => reaper.watch(pid);
    await createCluster({
      docker,
      kind: programs.kind,
      image: nodeImage,
      network: name,
      name: kindName,
      config,
      kubeconfig: written,
      onPid,
      signal: this.#abort.signal,
    });
    const said = accessIn(readFileSync(written, 'utf8'));
    const door = await this.#doors?.open(apiHosts(await nodesOf(docker, kindName)), apiPort);
    const server = door === undefined ? said.server : `https://127.0.0.1:${door}`;
    const cluster = new KindCluster({
      spec,
      folder: clusterFolder,
      docker,
      programs,
      kindName,
      gateway,
      serviceSubnet: subnets.serviceSubnet,
      onPid,
      access: { ...said, name: spec.name, user: 'admin', server },
      onNodes: async (nodes) => {
        await links.setNodes(
          spec.name,
          nodes.map(({ address }) => address),
        );
        if (door !== undefined) await this.#doors?.move(door, apiHosts(nodes), apiPort);
      },
    });
    this.#clusters.push(cluster);
    await cluster.ready();
    await cluster.addNodes(spec.nodes);
    return cluster;
  }
}

function apiHosts(nodes: readonly KindNode[]): readonly string[] {
  return nodes.filter(({ role }) => role === 'control-plane').map(({ address }) => address);
}

function checkSpec({ clusters }: KindTestbedSpec, name: string): void {
  if (clusters.length > kindClustersMax) {
    throw new Fault('InvalidInput', `test bed: at most ${kindClustersMax} clusters`);
  }
  for (const cluster of clusters) {
    const longest = `${name}-${cluster.name}-control-plane`;
    if (longest.length > hostNameMax) {
      throw new Fault('InvalidInput', `${cluster.name}: ${longest} is too long for a host name`);
    }
  }
}
