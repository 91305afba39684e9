import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readTrace, traceFiles, trialOfTrace } from './trace.ts';

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

describe('readTrace', () => {
  test('takes requests, shares of GPUs, models and lives', () => {
    write('nodes', nodes);
    write('pods', pods);
    const trace = readTrace(folder);
    expect(trace.nodes[1]).toEqual({
      milliCpu: 8_000,
      memoryMib: 16_384,
      milliGpu: 2_000,
      gpuModel: 'T4',
    });
    expect(trace.pods[2]).toEqual({
      ask: { milliCpu: 2_000, memoryMib: 4_096, milliGpu: 2 * 1_000, gpuModels: ['T4', 'P100'] },
      lifeMs: 1_200_000,
    });
    // Still pending when the trace ended.
    expect(trace.pods[3]?.lifeMs).toBeUndefined();
  });

  test('names file, line and column of what is wrong', () => {
    write('nodes', nodes.replace('n1,8000', 'n1,many'));
    expect(() => readTrace(folder)).toThrow(
      /openb_node_list_all_node\.csv, line 3, column cpu_milli: expected a number, got "many"/,
    );
    write('nodes', nodes.replace('memory_mib', 'memory'));
    expect(() => readTrace(folder)).toThrow(/line 2: no column memory_mib/);
    expect(() => readTrace(join(folder, 'elsewhere'))).toThrow(/can't read .*ENOENT.*must hold/);
  });
});

describe('trialOfTrace', () => {
  test('asks for the scarcest resource as much as the load says, at homes that exist', () => {
    write('nodes', nodes);
    write('pods', pods);
    const options = { load: 0.8, seed: 3, clusters: 2, durationMs: 3_600_000 };
    const trial = trialOfTrace(readTrace(folder), options);
    expect(trial).toMatchObject({
      ...trialOfTrace(readTrace(folder), options),
      rttMs: trial.rttMs,
    });
    expect(trial.clusters.flatMap((cluster) => cluster.nodes)).toHaveLength(3);
    const gpuMs = trial.apps.reduce((sum, { pod, steps }) => {
      const [from, to] = [steps[0]?.atMs ?? 0, steps[1]?.atMs ?? trial.durationMs];
      return sum + pod.milliGpu * (to - from);
    }, 0);
    // 4 GPUs for an hour; 0.8 of them, give or take what so few arrivals vary.
    const part = gpuMs / (4_000 * trial.durationMs);
    expect(part).toBeGreaterThan(0.6);
    expect(part).toBeLessThan(1);
    expect(trial.apps.every(({ homes: [home = -1] }) => home === 0 || home === 1)).toBe(true);
  });
});
