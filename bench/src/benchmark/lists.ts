/** What there is to run: scenarios and systems. */
import { borderless } from '../report/tables.ts';
import { type SystemName, systems } from '../results/result.ts';
import { builtInNames, loadScenario } from '../scenarios/load.ts';
import { liveSystems } from './run-live.ts';

const textWidth = 90;

const aboutSystems: Readonly<Record<SystemName, string>> = {
  spillway: 'the agents as shipped',
  isolated: 'each cluster’s own kube-scheduler alone',
  'kubefed-static': 'KubeFed 0.10.0, replicas where they are asked',
  'kubefed-rsp': 'KubeFed 0.10.0, ReplicaSchedulingPreference, home preferred, rebalance false',
  'kubefed-rsp-rebalance': 'the same with rebalance true',
  'kubefed-rsp-even':
    'the same with rebalance false, all clusters alike: users give their locations up',
  'kubefed-0.4.0-rsp': 'KubeFed 0.4.0, which mck8s was compared with',
  mck8s: 'mck8s at the locations that are asked',
  'mck8s-worst-fit': 'mck8s choosing the clusters, most room first',
  'mck8s-best-fit': 'mck8s choosing the clusters, least room first',
  'mck8s-most-traffic': 'mck8s choosing the clusters, most traffic first',
  oracle: 'every node of every cluster under one scheduler without delays',
};

export function lists(): string {
  const scenarios = borderless(['SCENARIO', 'CLUSTERS', 'DURATION', 'LOAD', ''], textWidth);
  for (const name of builtInNames()) {
    const { clusters, durationS, load, description } = loadScenario(name);
    const count = Array.isArray(clusters) ? clusters.length : clusters.count;
    scenarios.push([name, count, `${durationS / 60} min`, load, description]);
  }
  scenarios.push([
    'trace',
    10,
    '60 min',
    0.85,
    'Alibaba’s openb GPU trace; --trace names the folder of its CSV files, --pods and --nodes others',
  ]);
  const table = borderless(['SYSTEM', 'LIVE', 'SIMULATED', '']);
  for (const system of systems) {
    table.push([system, liveSystems.includes(system) ? 'yes' : '–', 'yes', aboutSystems[system]]);
  }
  return `${scenarios.toString()}\n\n${table.toString()}`.replaceAll(/ +$/gm, '');
}
