/** In a worker: plays some seeds, and makes the story of each that fails as short as it can. */
import { play, type Story } from '@spillway/simulator';
import { shrunk } from './shrink.ts';

export interface Failure {
  readonly seed: number;
  readonly policy: Story['policy'];
  /** The invariant that broke, in the seed's whole world. */
  readonly problem: string;
  /** The smallest world found that still breaks one. */
  readonly smallest: { readonly story: Story; readonly problem: string; readonly events: number };
}

export default function playSeeds(stories: readonly Story[]): readonly Failure[] {
  return stories.flatMap((story) => {
    const { problem } = play(story);
    if (problem === undefined) return [];
    const { seed, policy } = story;
    return [{ seed, policy, problem, smallest: shrunk(story) }];
  });
}
