import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readTrace, traceFiles, traceFilesOf } from './trace-files.ts';

const nodes = `sn,cpu_milli,memory_mib,gpu,model
n0,8000,16384,0,
n1,8000,16384,2,T4
`;
const pods = `name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time
p0,1000,2048,0,0,,LS,Succeeded,0,600,10
p1,1000,2048,1,500,,LS,Succeeded,100,400,110
p2,2000,4096,2,1000,T4|P100,LS,Succeeded,200,1400,210
p3,1000,1024,1,250,,BE,Pending,300,,
`;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-trace-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function file(text: string, name: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** The file with some columns only. */
function withColumns(text: string, kept: readonly string[]): string {
  const rows = text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(','));
  const header = rows[0] ?? [];
  return rows
    .map((cells) => cells.filter((_, i) => kept.includes(header[i] ?? '')).join(','))
    .join('\n');
}

function read(podText: string, nodeText = nodes) {
  return readTrace({ nodes: file(nodeText, 'nodes.csv'), pods: file(podText, 'pods.csv') });
}

describe('traceFilesOf', () => {
  test('a folder has both files under the names of the data set', () => {
    expect(traceFilesOf({ trace: 'openb' })).toEqual({
      nodes: join('openb', traceFiles.nodes),
      pods: join('openb', traceFiles.pods),
    });
  });

  test('a file that is named comes in its place; the other lies in the folder, or beside it', () => {
    expect(traceFilesOf({ trace: 'openb', pods: 'mine/pods.csv' })).toEqual({
      nodes: join('openb', traceFiles.nodes),
      pods: 'mine/pods.csv',
    });
    expect(traceFilesOf({ pods: 'mine/pods.csv' }).nodes).toBe(join('mine', traceFiles.nodes));
    expect(traceFilesOf({ nodes: 'mine/nodes.csv' }).pods).toBe(join('mine', traceFiles.pods));
    const both = { nodes: 'a/nodes.csv', pods: 'b/pods.csv' };
    expect(traceFilesOf(both)).toEqual(both);
  });

  test('one must be named', () => {
    expect(() => traceFilesOf({})).toThrow(/needs --trace DIR.* or --pods FILE and --nodes FILE/);
  });
});

describe('readTrace', () => {
  test('takes requests, shares of GPUs, models and lives', () => {
    const trace = read(pods);
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
    expect(trace.taken).toEqual([]);
  });

  test('without gpu_spec every pod takes any kind of GPU, and all else is as with it', () => {
    const { pods: found, taken } = read(withoutColumn(pods, 'gpu_spec'));
    expect(found).toEqual(read(pods.replace('T4|P100', '')).pods);
    expect(taken).toEqual([
      `${join(folder, 'pods.csv')} has no column gpu_spec: a pod takes any kind of GPU`,
    ]);
  });

  test('with the fewest columns: whole GPUs where shares are not told, none where GPUs are not', () => {
    const times = ['creation_time', 'deletion_time'];
    const whole = read(withColumns(pods, ['cpu_milli', 'memory_mib', 'num_gpu', ...times]));
    expect(whole.pods.map(({ ask }) => ask.milliGpu)).toEqual([0, 1_000, 2_000, 1_000]);
    const least = read(
      withColumns(pods, ['cpu_milli', 'memory_mib', ...times]),
      withColumns(nodes, ['cpu_milli', 'memory_mib']),
    );
    expect(least.pods[1]).toEqual({
      ask: { milliCpu: 1_000, memoryMib: 2_048, milliGpu: 0 },
      lifeMs: 300_000,
    });
    expect(least.nodes).toEqual([
      { milliCpu: 8_000, memoryMib: 16_384, milliGpu: 0 },
      { milliCpu: 8_000, memoryMib: 16_384, milliGpu: 0 },
    ]);
    expect(least.taken.map((sentence) => / has no column (.*)/.exec(sentence)?.[1])).toEqual([
      'gpu: no node has a GPU',
      'model: no GPU has a kind',
      'num_gpu: no pod asks for a GPU',
      'gpu_milli: a pod asks for whole GPUs',
      'gpu_spec: a pod takes any kind of GPU',
    ]);
  });

  test('an empty cell of an optional column is as the column absent', () => {
    const { pods: found } = read(pods.replace('p1,1000,2048,1,500', 'p1,1000,2048,1,'));
    expect(found[1]?.ask.milliGpu).toBe(1_000);
  });

  test('names file, line and column of what is wrong', () => {
    expect(() => read(pods, nodes.replace('n1,8000', 'n1,many'))).toThrow(
      /nodes\.csv, line 3, column cpu_milli: expected a number, got "many"/,
    );
    expect(() => read(pods.replace('p1,1000', 'p1,'))).toThrow(
      /pods\.csv, line 3, column cpu_milli: expected a number, got ""/,
    );
    expect(() => read(`${pods}p4,1000,1024\n`)).toThrow(
      /pods\.csv, line 6, column gpu_spec: the line ends before it, with 3 of 11 columns/,
    );
  });

  test('names the column that must be there, those that are, and what is taken for the others', () => {
    expect(() => read(pods, withoutColumn(nodes, 'memory_mib'))).toThrow(
      /nodes\.csv, line 1: no column memory_mib\. The columns there are sn, cpu_milli, gpu, model\. Only these may be absent: gpu \(without it no node has a GPU\), model \(without it no GPU has a kind\)/,
    );
    expect(() => read(nodes)).toThrow(/pods\.csv, line 1: no column creation_time, deletion_time/);
  });

  test('a file that is empty or not there is named, with the option that names another', () => {
    expect(() => read(pods.split('\n')[0] ?? '')).toThrow(/pods\.csv has no line after its first/);
    const missing = traceFilesOf({ trace: join(folder, 'elsewhere') });
    expect(() => readTrace(missing)).toThrow(/can't read .*ENOENT.*--nodes names another file/);
  });
});

function withoutColumn(text: string, column: string): string {
  const header = text.split('\n')[0]?.split(',') ?? [];
  return withColumns(
    text,
    header.filter((each) => each !== column),
  );
}
