/** Results sorted into what is shown together: a scenario in one mode on a number of clusters, and in it each load. */
import { grouped } from '../results/grouped.ts';
import { systems, type Result, type SystemName } from '../results/result.ts';

export interface Setting {
  readonly id: string;
  readonly scenario: string;
  readonly mode: Result['mode'];
  readonly clusters: number;
  /** Ascending by load. */
  readonly loads: readonly LoadGroup[];
}

export interface LoadGroup {
  readonly id: string;
  readonly load: number;
  /** Ascending. */
  readonly seeds: readonly number[];
  /** In the order of `systems`, those without results left out; one result per seed. */
  readonly runs: readonly SystemRuns[];
}

export interface SystemRuns {
  readonly system: SystemName;
  readonly results: readonly Result[];
}

/** In the order in which they first occur. */
export function settingsOf(results: readonly Result[]): readonly Setting[] {
  const byKey = grouped(results, ({ scenario, mode, clusters }) =>
    JSON.stringify([scenario, mode, clusters]),
  );
  return [...byKey.values()].flatMap((group, at) => {
    const [first] = group;
    if (first === undefined) return [];
    const id = `setting-${at}`;
    return [
      {
        id,
        scenario: first.scenario,
        mode: first.mode,
        clusters: first.clusters,
        loads: loadsOf(group, id),
      },
    ];
  });
}

function loadsOf(results: readonly Result[], id: string): readonly LoadGroup[] {
  const byLoad = [...grouped(results, ({ load }) => load)].sort(([a], [b]) => a - b);
  return byLoad.map(([load, group], at) => ({
    id: `${id}-load-${at}`,
    load,
    seeds: [...new Set(group.map(({ seed }) => seed))].sort((a, b) => a - b),
    runs: systems.flatMap((system) => {
      const own = group.filter((result) => result.system === system);
      return own.length === 0 ? [] : [{ system, results: own }];
    }),
  }));
}
