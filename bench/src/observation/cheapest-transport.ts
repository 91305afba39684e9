/**
 * The least mean RTT at which the offloaded pods could have been: CPU from each home to the room of each
 * host. It is a transportation problem, solved by successive cheapest augmenting paths (Bellman-Ford). It
 * ignores fragmentation, so it is a lower bound.
 */
export interface Transport {
  /** Milli-CPU offloaded, by home. */
  readonly offloaded: ReadonlyMap<string, number>;
  /** Milli-CPU that guests could have had, by host. */
  readonly room: ReadonlyMap<string, number>;
  readonly rttMs: (home: string, host: string) => number;
}

interface Edge {
  readonly to: number;
  capacity: number;
  readonly cost: number;
  /** Index of the opposite edge in `edges[to]`. */
  readonly back: number;
}

/** CPU-weighted mean, ms; 0 when nothing was offloaded. */
export function bestMeanRttMs({ offloaded, room, rttMs }: Transport): number {
  const homes = [...offloaded.keys()];
  const hosts = [...room.keys()];
  const [source, sink] = [0, homes.length + hosts.length + 1];
  const edges: Edge[][] = Array.from({ length: sink + 1 }, () => []);
  const connect = (from: number, to: number, capacity: number, cost: number): void => {
    const forward = edges[from] ?? [];
    const backward = edges[to] ?? [];
    forward.push({ to, capacity, cost, back: backward.length });
    backward.push({ to: from, capacity: 0, cost: -cost, back: forward.length - 1 });
  };
  for (const [i, home] of homes.entries()) {
    connect(source, 1 + i, offloaded.get(home) ?? 0, 0);
    for (const [j, host] of hosts.entries()) {
      if (home !== host)
        connect(1 + i, 1 + homes.length + j, Number.POSITIVE_INFINITY, rttMs(home, host));
    }
  }
  for (const [j, host] of hosts.entries()) {
    connect(1 + homes.length + j, sink, room.get(host) ?? 0, 0);
  }
  const { flow, cost } = cheapestFlow(edges, source, sink);
  return flow === 0 ? 0 : cost / flow;
}

function cheapestFlow(
  edges: Edge[][],
  source: number,
  sink: number,
): { flow: number; cost: number } {
  let [flow, cost] = [0, 0];
  for (;;) {
    const distance = edges.map(() => Number.POSITIVE_INFINITY);
    const via: (Edge | undefined)[] = edges.map(() => undefined);
    distance[source] = 0;
    for (let round = 0; round < edges.length; round++) {
      for (const [from, out] of edges.entries()) {
        const reached = distance[from] ?? Number.POSITIVE_INFINITY;
        for (const edge of out) {
          if (edge.capacity > 0 && reached + edge.cost < (distance[edge.to] ?? 0)) {
            distance[edge.to] = reached + edge.cost;
            via[edge.to] = edge;
          }
        }
      }
    }
    if (distance[sink] === Number.POSITIVE_INFINITY) return { flow, cost };
    const path: Edge[] = [];
    for (let at = sink; at !== source; ) {
      const edge = via[at];
      if (edge === undefined) return { flow, cost };
      path.push(edge);
      at = edges[at]?.[edge.back]?.to ?? source;
    }
    const pushed = Math.min(...path.map(({ capacity }) => capacity));
    for (const edge of path) {
      edge.capacity -= pushed;
      const opposite = edges[edge.to]?.[edge.back];
      if (opposite !== undefined) opposite.capacity += pushed;
    }
    flow += pushed;
    cost += pushed * (distance[sink] ?? 0);
  }
}
