import { defineConfig } from 'vitest/config';

const conditions = ['spillway-source'];
const source = {
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
};

/** One project per kind of test; the kind is the file's suffix. */
export default defineConfig({
  test: {
    projects: [
      project('unit', ['**/*.test.ts'], ['**/*.{prop,sim}.test.ts']),
      project('property', ['**/*.prop.test.ts']),
      project('simulation', ['**/*.sim.test.ts']),
      // Real sockets and real control planes: one file at a time, so that two cores suffice.
      project('integration', ['**/*.itest.ts'], [], {
        fileParallelism: false,
        testTimeout: 120_000,
        hookTimeout: 900_000,
      }),
    ],
  },
});

function project(name: string, include: string[], exclude: string[] = [], options = {}) {
  return {
    ...source,
    test: {
      name,
      include,
      exclude: ['**/node_modules/**', '**/dist/**', ...exclude],
      pool: 'forks' as const,
      execArgv: ['--conditions=spillway-source'],
      // A machine that is busy with other things fails no test.
      testTimeout: 60_000,
      ...options,
    },
  };
}
