/**
 * The files of Alibaba's `openb` data set: one list of nodes, and lists of pods of which one is played. Some of
 * those lists lack columns that others have; what is taken for an absent one is said here, and told.
 */
import { dirname, join } from 'node:path';
import { Fault } from '@spillway/core';
import type { PodAsk, TrialNode } from '@spillway/simulator';
import { type Columns, CsvFile } from './csv-file.ts';

export const traceFiles = {
  nodes: 'openb_node_list_all_node.csv',
  pods: 'openb_pod_list_default.csv',
} as const;

/** Paths. */
export interface TraceFiles {
  readonly nodes: string;
  readonly pods: string;
}

export interface TracePod {
  readonly ask: PodAsk;
  /** Undefined where the trace does not tell: it was pending when it ended. */
  readonly lifeMs: number | undefined;
}

export interface Trace {
  readonly nodes: readonly TrialNode[];
  readonly pods: readonly TracePod[];
  /** One sentence for each column that a file lacks, with what is taken instead. */
  readonly taken: readonly string[];
}

const nodeColumns: Columns = {
  required: ['cpu_milli', 'memory_mib'],
  optional: {
    gpu: { value: '0', meaning: 'no node has a GPU' },
    model: { value: '', meaning: 'no GPU has a kind' },
  },
};
const podColumns: Columns = {
  required: ['cpu_milli', 'memory_mib', 'creation_time', 'deletion_time'],
  optional: {
    num_gpu: { value: '0', meaning: 'no pod asks for a GPU' },
    gpu_milli: { value: '1000', meaning: 'a pod asks for whole GPUs' },
    gpu_spec: { value: '', meaning: 'a pod takes any kind of GPU' },
  },
};

export interface TraceOptions {
  /** A folder, with both files under the names of `traceFiles`. */
  readonly trace?: string;
  readonly nodes?: string;
  readonly pods?: string;
}

/** A file that is not named lies in the folder, or beside the one that is named. @throws Fault when none is named. */
export function traceFilesOf({ trace, nodes, pods }: TraceOptions): TraceFiles {
  const named = nodes ?? pods;
  const folder = trace ?? (named === undefined ? undefined : dirname(named));
  if (folder === undefined) {
    throw new Fault(
      'InvalidInput',
      'the scenario trace needs --trace DIR, the folder of its CSV files, or --pods FILE and --nodes FILE',
    );
  }
  return {
    nodes: nodes ?? join(folder, traceFiles.nodes),
    pods: pods ?? join(folder, traceFiles.pods),
  };
}

/** @throws Fault that names file, line and column. */
export function readTrace(files: TraceFiles): Trace {
  const nodeFile = new CsvFile(files.nodes, nodeColumns, '--nodes');
  const podFile = new CsvFile(files.pods, podColumns, '--pods');
  const nodes = nodeFile.rows.map((row): TrialNode => {
    const model = row.text('model');
    return {
      milliCpu: row.number('cpu_milli'),
      memoryMib: row.number('memory_mib'),
      milliGpu: row.number('gpu') * 1_000,
      ...(model !== '' && { gpuModel: model }),
    };
  });
  const pods = podFile.rows.map((row): TracePod => {
    const models = row.text('gpu_spec').split('|').filter(Boolean);
    const deleted = row.text('deletion_time') === '' ? undefined : row.number('deletion_time');
    const lifeS = deleted === undefined ? undefined : deleted - row.number('creation_time');
    return {
      ask: {
        milliCpu: row.number('cpu_milli'),
        memoryMib: row.number('memory_mib'),
        milliGpu: row.number('num_gpu') * row.number('gpu_milli'),
        ...(models.length > 0 && { gpuModels: models }),
      },
      lifeMs: lifeS === undefined || lifeS <= 0 ? undefined : lifeS * 1_000,
    };
  });
  return { nodes, pods, taken: [...nodeFile.taken, ...podFile.taken] };
}
