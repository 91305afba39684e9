/**
 * Seeded randomness for pure code: one named stream per purpose, so that drawing once more in one
 * place leaves every other place as it was.
 *
 * The generator is sfc32 (Doty-Humphrey, PractRand), seeded through xmur3 of seed and stream name:
 * 32-bit integer operations only, hence equal on every engine.
 */
export interface Random {
  /** Uniform over the integers 0 ≤ n < `bound`; 1 ≤ `bound` ≤ 2³². */
  below(bound: number): number;
  /** Uniform over [0, 1), 32 bits. */
  unit(): number;
}

export function randomStream(seed: number, stream: string): Random {
  const next = sfc32(`${seed}/${stream}`);
  return {
    below: (bound) => Math.floor((next() / 2 ** 32) * bound),
    unit: () => next() / 2 ** 32,
  };
}

/** `durationMs` ± `fraction` of it, uniformly: keeps agents that failed together from retrying together. */
export function jittered(random: Random, durationMs: number, fraction: number): number {
  return durationMs * (1 - fraction + 2 * fraction * random.unit());
}

function sfc32(seed: string): () => number {
  const word = xmur3(seed);
  let [a, b, c, counter] = [word(), word(), word(), 1];
  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

function xmur3(text: string): () => number {
  let h = 1779033703 ^ text.length;
  for (let i = 0; i < text.length; i++) {
    h = Math.imul(h ^ text.charCodeAt(i), 3432918353);
    h = (h << 13) | (h >>> 19);
  }
  return () => {
    h = Math.imul(h ^ (h >>> 16), 2246822507);
    h = Math.imul(h ^ (h >>> 13), 3266489909);
    h ^= h >>> 16;
    return h >>> 0;
  };
}
