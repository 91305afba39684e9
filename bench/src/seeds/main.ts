/** `npm run seeds`: worlds of the fault simulator by the thousand; see options.ts. */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { styleText } from 'node:util';
import { noVisits, play, seedPolicies, type Story, unvisited } from '@spillway/simulator';
import { Tinypool } from 'tinypool';
import { startProgress } from '../benchmark/progress.ts';
import { readOptions, type SeedsOptions } from './options.ts';
import { addVisits, coverageText } from './coverage.ts';
import type { Chunk, Failure, PlayedChunk } from './play-seeds.ts';

/** Seeds that a worker plays before it reports: about a tenth of a second. */
const chunkSeeds = 32;

/** Seeds in a row of one policy: a multiple of what else a world takes from its seed's remainders. */
const policyTurn = 12;

const options = readOptions(process.argv.slice(2));
process.exitCode = options.replay === undefined ? await playAll(options) : replayed(options);

async function playAll({ count, from, policy, json, coverage }: SeedsOptions): Promise<0 | 1> {
  const started = performance.now();
  const policies = policy === 'all' ? seedPolicies : [policy];
  const progress = startProgress(count, 'seeds');
  const pool = new Tinypool({
    filename: fileURLToPath(new URL('play-seeds.ts', import.meta.url)),
    maxThreads: availableParallelism(),
  });
  const failures: Failure[] = [];
  const visits = noVisits();
  const chunks = chunksOf(from, count, policies);
  const worker = async (): Promise<void> => {
    for (const chunk of chunks) {
      const asked: Chunk = { stories: chunk, coverage };
      const { failures: found, visits: visited } = (await pool.run(asked)) as PlayedChunk;
      failures.push(...found);
      addVisits(visits, visited);
      if (!json) for (const failure of found) process.stdout.write(`${described(failure)}\n`);
      if (failures.length > 0) progress.at(`${failures.length} failed`);
      progress.done(chunk.length);
    }
  };
  try {
    await Promise.all(Array.from({ length: availableParallelism() + 1 }, worker));
  } finally {
    progress.stop();
    await pool.destroy();
  }
  failures.sort((a, b) => a.seed - b.seed);
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  const covered = coverage && { visits, unvisited: unvisited(visits) };
  if (json) {
    const whole = { ...report(count, failures, seconds), ...(covered && { coverage: covered }) };
    process.stdout.write(`${JSON.stringify(whole)}\n`);
  } else {
    if (covered) process.stdout.write(`${coverageText(visits)}\n\n`);
    const range = `seeds ${from} to ${from + count - 1}, policy ${policies.join(', ')}`;
    const verdict =
      failures.length === 0
        ? styleText('green', '0 failures')
        : styleText('red', `${failures.length} failed`);
    process.stdout.write(`${count} played in ${seconds} s (${range}): ${verdict}\n`);
  }
  const isCovered = !covered || covered.unvisited.length === 0;
  return failures.length === 0 && isCovered ? 0 : 1;
}

function* chunksOf(
  from: number,
  count: number,
  policies: readonly Story['policy'][],
): Generator<readonly Story[]> {
  for (let start = from; start < from + count; start += chunkSeeds) {
    const length = Math.min(chunkSeeds, from + count - start);
    yield Array.from({ length }, (_, i) => ({
      seed: start + i,
      policy: policies[Math.floor((start + i) / policyTurn) % policies.length] ?? 'none',
    }));
  }
}

function report(played: number, failures: readonly Failure[], seconds: number): object {
  return {
    played,
    failures: failures.map(({ seed, policy, problem, smallest }) => ({
      seed,
      policy,
      problem,
      smallest: smallest.problem,
      replay: replayCommand(smallest.story),
    })),
    seconds,
  };
}

function described({ seed, policy, problem, smallest }: Failure): string {
  return [
    styleText('red', `seed ${seed}, policy ${policy}: ${problem}`),
    `  smallest world (${smallest.events} events): ${smallest.problem}`,
    `  replay: ${replayCommand(smallest.story)}`,
  ].join('\n');
}

function replayCommand({
  seed,
  policy,
  clusters,
  podsPerCluster,
  troubleMs,
  without,
}: Story): string {
  const smaller = [
    ...(clusters === undefined ? [] : [`--clusters ${clusters}`]),
    ...(podsPerCluster === undefined ? [] : [`--pods ${podsPerCluster}`]),
    ...(troubleMs === undefined ? [] : [`--trouble-ms ${troubleMs}`]),
    ...(without?.length ? [`--without ${without.map((kind) => `'${kind}'`).join(' ')}`] : []),
  ];
  return ['npm run seeds -- --replay', seed, '--policy', policy, ...smaller].join(' ');
}

function replayed({
  replay = 0,
  policy,
  clusters,
  pods,
  troubleMs,
  without,
  json,
}: SeedsOptions): 0 | 1 {
  const story: Story = {
    seed: replay,
    policy: policy as Story['policy'],
    ...(clusters !== undefined && { clusters }),
    ...(pods !== undefined && { podsPerCluster: pods }),
    ...(troubleMs !== undefined && { troubleMs }),
    ...(without !== undefined && { without }),
  };
  const { problem, world } = play(story);
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ story, problem: problem ?? null, trace: world.trace })}\n`,
    );
  } else {
    const verdict =
      problem === undefined
        ? styleText('green', 'every invariant held')
        : styleText('red', problem);
    process.stdout.write(`${world.trace.join('\n')}\n\n${verdict}\n`);
  }
  return problem === undefined ? 0 : 1;
}
