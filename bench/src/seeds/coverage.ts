/** `npm run seeds -- --coverage`: how often the worlds put each state of a pod under each fault, as a table. */
import {
  type CoveredState,
  coveredStates,
  faultKinds,
  unvisited,
  type Visits,
} from '@spillway/simulator';

const columnsMax = 80;
const countWidth = 6;
const faultWidth = Math.max(...faultKinds.map(({ length }) => length));

export function addVisits(
  sum: { [State in keyof Visits]: Record<string, number> },
  visits: Visits,
): void {
  for (const state of coveredStates) {
    for (const fault of faultKinds)
      sum[state][fault] = (sum[state][fault] ?? 0) + visits[state][fault];
  }
}

/** One table below the other, each as wide as a terminal, and what was never visited. */
export function coverageText(visits: Visits): string {
  const tables = blocks().map((states) => table(states, visits).join('\n'));
  const never = unvisited(visits).map(({ state, fault }) => `never visited: ${state} × ${fault}`);
  return [...tables, ...(never.length > 0 ? [never.join('\n')] : [])].join('\n\n');
}

/** As many states beside one another as fit. */
function blocks(): readonly (readonly CoveredState[])[] {
  const found: CoveredState[][] = [[]];
  let width = faultWidth;
  for (const state of coveredStates) {
    width += widthOf(state);
    if (width > columnsMax) {
      found.push([]);
      width = faultWidth + widthOf(state);
    }
    found.at(-1)?.push(state);
  }
  return found;
}

function table(states: readonly CoveredState[], visits: Visits): readonly string[] {
  const heading = states.map((state) => state.padStart(widthOf(state))).join('');
  const rows = faultKinds.map((fault) => {
    const counts = states.map((state) => shortly(visits[state][fault]).padStart(widthOf(state)));
    return `${fault.padEnd(faultWidth)}${counts.join('')}`;
  });
  return [`${''.padEnd(faultWidth)}${heading}`, ...rows];
}

function widthOf(state: CoveredState): number {
  return Math.max(state.length, countWidth) + 2;
}

function shortly(count: number): string {
  if (count < 100_000) return `${count}`;
  return count < 10_000_000 ? `${Math.floor(count / 1_000)}k` : `${Math.floor(count / 1_000_000)}M`;
}
