/**
 * Makes a failing world smaller while it still fails: fewer kinds of faults, fewer clusters, fewer pods,
 * less time. Greedy, each step tried until none helps (delta debugging, Zeller and Hildebrandt 2002,
 * cut down to the few dimensions that a world has).
 */
import { faultKinds, play, type Story, wholeStory } from '@spillway/simulator';

/** Maximum number of worlds played for one failing seed. */
const triesMax = 200;

export interface Shrunk {
  readonly story: Story;
  readonly problem: string;
  /** Lines of its trace. */
  readonly events: number;
}

export function shrunk(story: Story): Shrunk {
  let best = failing(story);
  if (best === undefined) throw new Error(`seed ${story.seed} does not fail`);
  for (let tries = 0, helped = true; helped; ) {
    helped = false;
    for (const smaller of smallerStories(best.story)) {
      tries += 1;
      if (tries > triesMax) return best;
      const found = failing(smaller);
      if (found === undefined) continue;
      best = found;
      helped = true;
      break;
    }
  }
  return best;
}

function failing(story: Story): Shrunk | undefined {
  const { problem, world } = play(story);
  return problem === undefined ? undefined : { story, problem, events: world.trace.length };
}

/** The boldest first. */
export function* smallerStories(story: Story): Iterable<Story> {
  const { clusters, podsPerCluster, troubleMs, without } = wholeStory(story);
  for (const kind of faultKinds) {
    if (!without.includes(kind)) yield { ...story, without: [...without, kind] };
  }
  for (let fewer = 2; fewer < clusters; fewer++) yield { ...story, clusters: fewer };
  for (const fewer of [1, 2, Math.ceil(podsPerCluster / 2), podsPerCluster - 1]) {
    if (fewer >= 1 && fewer < podsPerCluster) yield { ...story, podsPerCluster: fewer };
  }
  for (const part of [0.5, 0.75, 0.9]) {
    const less = Math.floor(troubleMs * part);
    if (less >= troubleMsMin) yield { ...story, troubleMs: less };
  }
}

/** Faults start after 2 s. */
const troubleMsMin = 2_500;
