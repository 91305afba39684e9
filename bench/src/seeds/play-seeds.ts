/** In a worker: plays some seeds, and makes the story of each that fails as short as it can. */
import { Coverage, noVisits, play, type Story, type Visits } from '@spillway/simulator';
import { addVisits } from './coverage.ts';
import { shrunk } from './shrink.ts';

export interface Failure {
  readonly seed: number;
  readonly policy: Story['policy'];
  /** The invariant that broke, in the seed's whole world. */
  readonly problem: string;
  /** The smallest world found that still breaks one. */
  readonly smallest: { readonly story: Story; readonly problem: string; readonly events: number };
}

export interface Chunk {
  readonly stories: readonly Story[];
  readonly coverage: boolean;
}

export interface PlayedChunk {
  readonly failures: readonly Failure[];
  /** All zero unless asked for. */
  readonly visits: Visits;
}

export default function playSeeds({ stories, coverage }: Chunk): PlayedChunk {
  const visits = noVisits();
  const failures = stories.flatMap((story) => {
    const counted = coverage ? new Coverage() : undefined;
    const { problem } = play(story, counted?.hooks);
    if (counted !== undefined) addVisits(visits, counted.visits);
    if (problem === undefined) return [];
    const { seed, policy } = story;
    return [{ seed, policy, problem, smallest: shrunk(story) }];
  });
  return { failures, visits };
}
