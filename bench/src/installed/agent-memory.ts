/** What agents take in their containers: read from the kernel by their nodes, no image needs a shell for it. */
import type { KindCluster } from '@spillway/testbed';

export interface AgentMemory {
  /** Resident now, MB (10⁶ bytes), of the agent that takes most. */
  readonly rssMb: number;
  /** The most that one ever had resident since it started, MB. */
  readonly peakRssMb: number;
}

/** Nothing else on a node is Node. */
const script = `for status in /proc/[0-9]*/status; do
  grep -q '^Name:.node$' "$status" 2>/dev/null || grep -q '^Name:.MainThread$' "$status" 2>/dev/null || continue
  grep -E '^Vm(RSS|HWM):' "$status"
done`;

/** Of all agents of these clusters, active and standing by. @throws when a node shows none */
export async function agentMemory(clusters: readonly KindCluster[]): Promise<AgentMemory> {
  const texts = await Promise.all(
    clusters.flatMap((cluster) =>
      cluster.realNodes.map(async ({ name }) => {
        const { stdout } = await cluster.exec(name, ['sh', '-c', script]);
        return stdout;
      }),
    ),
  );
  return { rssMb: mostMb(texts, 'VmRSS'), peakRssMb: mostMb(texts, 'VmHWM') };
}

function mostMb(texts: readonly string[], field: 'VmRSS' | 'VmHWM'): number {
  const kib = texts.flatMap((text) =>
    [...text.matchAll(new RegExp(`^${field}:\\s+(\\d+) kB`, 'gm'))].map(([, value]) =>
      Number(value),
    ),
  );
  if (kib.length === 0) throw new Error(`no node runs an agent: ${texts.join()}`);
  return Math.round((Math.max(...kib) * 1024) / 1e6);
}
