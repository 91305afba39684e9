import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { trialOfTrace } from './trace.ts';
import { readTrace, traceFiles, traceFilesOf } from './trace-files.ts';

const nodes = `sn,cpu_milli,memory_mib,gpu,model
n0,8000,16384,0,
n1,8000,16384,2,T4
n2,8000,16384,2,P100
`;
const pods = `name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time
p0,1000,2048,0,0,,LS,Succeeded,0,600,10
p1,1000,2048,1,500,,LS,Succeeded,100,400,110
p2,2000,4096,2,1000,T4|P100,LS,Succeeded,200,1400,210
p3,1000,1024,1,250,,BE,Pending,300,,
`;
let folder: string;

function write(file: keyof typeof traceFiles, text: string): void {
  writeFileSync(join(folder, traceFiles[file]), text);
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-trace-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('trialOfTrace', () => {
  test('asks for the scarcest resource as much as the load says, at homes that exist', () => {
    write('nodes', nodes);
    write('pods', pods);
    const options = { load: 0.8, seed: 3, clusters: 2, durationMs: 3_600_000 };
    const trace = readTrace(traceFilesOf({ trace: folder }));
    const trial = trialOfTrace(trace, options);
    expect(trial).toMatchObject({
      ...trialOfTrace(trace, options),
      rttMs: trial.rttMs,
    });
    expect(trial.clusters.flatMap((cluster) => cluster.nodes)).toHaveLength(3);
    const gpuMs = trial.apps.reduce((sum, { pod, steps }) => {
      const [from, to] = [steps[0]?.atMs ?? 0, steps[1]?.atMs ?? trial.durationMs];
      return sum + pod.milliGpu * (to - from);
    }, 0);
    // 4 GPUs for an hour; 0.8 of them, within the variation of few arrivals.
    const part = gpuMs / (4_000 * trial.durationMs);
    expect(part).toBeGreaterThan(0.6);
    expect(part).toBeLessThan(1);
    expect(trial.apps.every(({ homes: [home = -1] }) => home === 0 || home === 1)).toBe(true);
  });
});
