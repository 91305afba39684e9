import { describe, expect, test } from 'vitest';
import { type Machine, machineLimits, requireMachine } from './machine-limits.ts';

const mib = 2 ** 20;
const roomy: Machine = {
  cgroup: 'v2',
  lacksCapabilities: false,
  lacksSysResource: false,
  isRoot: false,
  inotifyInstances: 8_192,
  inotifyWatches: 1_048_576,
  freeDiskBytes: 100_000 * mib,
  freeMemoryBytes: 16_000 * mib,
};
const five = { clusters: 5, nodes: 5, makesImage: false };

function found(change: Partial<Machine>, wanted = five): readonly string[] {
  return machineLimits(wanted, { ...roomy, ...change }).map(
    ({ what, weight, advice }) => `${weight} ${what}: ${advice}`,
  );
}

describe('machineLimits', () => {
  test('a machine with all that is needed has none', () => {
    expect(found({})).toEqual([]);
    expect(() => requireMachine(five, roomy)).not.toThrow();
  });

  test('what Linux allows of inotify is too little for five: root has it raised, others are told', () => {
    // 100 + 5 · 40 = 300
    expect(found({ inotifyInstances: 299 })[0]).toContain(
      'sudo sysctl -w fs.inotify.max_user_instances=300',
    );
    expect(found({ inotifyInstances: 300 })).toEqual([]);
    expect(found({ inotifyInstances: 128, isRoot: true })[0]).toMatch(/^changed inotify: /);
    expect(found({ inotifyWatches: 8_192 })[0]).toContain('fs.inotify.max_user_watches=65536');
  });

  test('memory counts clusters and further nodes, disk the image where it has to be made', () => {
    // 5 · 600 MiB; two workers more: + 2 · 100 MiB
    expect(found({ freeMemoryBytes: 3_000 * mib })).toEqual([]);
    expect(found({ freeMemoryBytes: 3_000 * mib }, { ...five, nodes: 7 })[0]).toContain(
      'memory: 3200 MiB are needed, 3000 MiB are free',
    );
    expect(found({ freeDiskBytes: 3_500 * mib })).toEqual([]);
    expect(found({ freeDiskBytes: 3_500 * mib }, { ...five, makesImage: true })[0]).toContain(
      'disk: 11500 MiB are needed',
    );
  });

  test('cgroup v1 and missing capabilities are handled, and named after what blocks', () => {
    const limits = found({ cgroup: 'v1', lacksCapabilities: true, freeMemoryBytes: 0 });
    expect(limits.map((limit) => limit.split(':')[0])).toEqual([
      'blocks memory',
      'handled cgroup',
      'handled capabilities',
    ]);
  });

  test('all that blocks is said at once', () => {
    const poor = { ...roomy, freeMemoryBytes: 0, freeDiskBytes: 0, cgroup: 'v1' as const };
    expect(() => requireMachine(five, poor)).toThrow(
      /5 kind clusters of 5 nodes need:\n- memory: .*\n- disk: [^\n]*$/,
    );
  });
});
