/**
 * Measures one hot path against a baseline in one process: rounds of both, alternating, so that a
 * machine that slows down slows both. The ratio is of medians, round by round.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { measure } from 'mitata';

export interface HotPath {
  readonly name: string;
  readonly what: string;
  readonly baseline: string;
  /** How many of what is counted one call of each does. */
  readonly perCall: { readonly ours: number; readonly baseline: number };
  /** Builds what is needed and checks that both do the work. @throws when they don't. */
  prepare(): { readonly ours: () => unknown; readonly baseline: () => unknown };
}

/**
 * Per single one of what is counted, in nanoseconds; `ratio` is baseline / ours: above 1 we are
 * faster. The P99 is of all rounds' calls together; where a call does many, of their mean.
 */
export interface Measured {
  readonly name: string;
  readonly what: string;
  readonly baseline: string;
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly perSecond: number;
  readonly baselineP50Ns: number;
  readonly ratio: number;
  readonly ratioMin: number;
  readonly ratioMax: number;
}

export interface Effort {
  readonly rounds: number;
  /** Short rounds: whether it runs at all, not how fast. */
  readonly quick: boolean;
}

// The garbage of one is not to be cleared away in the other's time.
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

export async function measured(path: HotPath, { rounds, quick }: Effort): Promise<Measured> {
  const { ours, baseline } = path.prepare();
  const options = {
    min_cpu_time: quick ? 20e6 : 200e6,
    min_samples: quick ? 3 : 12,
    inner_gc: false,
    gc: collect,
  };
  const [mine, theirs]: [Sample[], Sample[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    mine.push(per(await measure(ours, options), path.perCall.ours));
    theirs.push(per(await measure(baseline, options), path.perCall.baseline));
  }
  const ratios = mine.map(({ p50 }, i) => (theirs[i]?.p50 ?? 0) / p50);
  const p50Ns = median(mine.map(({ p50 }) => p50));
  return {
    name: path.name,
    what: path.what,
    baseline: path.baseline,
    p50Ns,
    p99Ns: quantile(
      mine.flatMap(({ samples }) => samples),
      0.99,
    ),
    perSecond: 1e9 / p50Ns,
    baselineP50Ns: median(theirs.map(({ p50 }) => p50)),
    ratio: median(ratios),
    ratioMin: Math.min(...ratios),
    ratioMax: Math.max(...ratios),
  };
}

export function assertBenchmarked(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`the benchmark does not do its work: ${what}`);
}

interface Sample {
  readonly p50: number;
  readonly samples: readonly number[];
}

function per({ p50, samples }: Sample, count: number): Sample {
  return { p50: p50 / count, samples: samples.map((ns) => ns / count) };
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
}
