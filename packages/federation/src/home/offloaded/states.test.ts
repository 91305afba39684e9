import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isFault } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { podOf } from '../../testing/fixtures.ts';
import { refOf } from '../events.ts';
import { PodLife } from '../pod-life.ts';
import { type PodEvent, podEvents, type PodState, podStates, podTable } from './states.ts';
import { guestStates, guestTable, homePodStates, homePodTable } from './sub-states.ts';

const states = Object.keys(podStates) as readonly PodState[];
const events = Object.keys(podEvents) as readonly PodEvent[];

/** The shortest way to each state that can be reached, as the events that lead there. */
function ways(): ReadonlyMap<PodState, readonly PodEvent[]> {
  const found = new Map<PodState, readonly PodEvent[]>([['untracked', []]]);
  for (const [from, way] of found) {
    for (const [event, to] of Object.entries(podTable[from])) {
      if (!found.has(to)) found.set(to, [...way, event as PodEvent]);
    }
  }
  return found;
}

function lifeIn(state: PodState): PodLife {
  const life = new PodLife(refOf(podOf('web-7')), undefined);
  for (const event of ways().get(state) ?? []) life.on(event);
  expect(life.state).toBe(state);
  return life;
}

describe('the table of states', () => {
  test('every state can be reached, and from every state a pod can end', () => {
    expect([...ways().keys()].sort()).toEqual([...states].sort());
    const ending = new Set<PodState>(['gone', 'untracked']);
    for (let size = 0; size < ending.size; ) {
      size = ending.size;
      for (const state of states) {
        if (Object.values(podTable[state]).some((to) => ending.has(to))) ending.add(state);
      }
    }
    expect([...ending].sort()).toEqual([...states].sort());
  });

  test('every event leads somewhere from some state', () => {
    const used = new Set(states.flatMap((state) => Object.keys(podTable[state])));
    expect([...used].sort()).toEqual([...events].sort());
  });

  test.each(states)('%s takes the events of its row, and refuses every other', (state) => {
    for (const event of events) {
      const life = lifeIn(state);
      const to = podTable[state][event];
      if (to === undefined) {
        expect(() => life.on(event)).toThrow(
          `pod default/web-7 (uid-web-7): state ${state} does not take event ${event}`,
        );
        expect(life.state).toBe(state);
      } else {
        life.on(event);
        expect(life.state).toBe(to);
      }
    }
  });

  test('what it refuses is a fault of ours', () => {
    let fault: unknown;
    try {
      lifeIn('gone').on('created');
    } catch (error) {
      fault = error;
    }
    expect(isFault(fault, 'Internal')).toBe(true);
  });

  test('an observer is told of each transition', () => {
    const seen: string[] = [];
    const ref = refOf(podOf('web-7'));
    const life = new PodLife(ref, ({ from, event, to }) => seen.push(`${from} ${event} ${to}`));
    life.on('eligible');
    life.on('asked');
    expect(seen).toEqual(['untracked eligible pending', 'pending asked asked']);
  });
});

describe('packages/federation/README.md', () => {
  const path = fileURLToPath(new URL('../../../README.md', import.meta.url));
  const readme = readFileSync(path, 'utf8');

  test('has the states of a pod as the code has them', () => {
    expect(section('states')).toEqual(table(['state', 'meaning', 'events'], stateRows()));
  });

  test('has the events as the code has them', () => {
    const rows = events.map((event) => [`\`${event}\``, podEvents[event]]);
    expect(section('events')).toEqual(table(['event', 'what happened'], rows));
  });

  test('has the states of a guest and of the pod at home as the code has them', () => {
    expect(section('guest')).toEqual(
      table(['guest', 'meaning', 'events'], subRows(guestStates, guestTable)),
    );
    expect(section('home pod')).toEqual(
      table(['pod at home', 'meaning', 'events'], subRows(homePodStates, homePodTable)),
    );
  });

  test('names files that exist', () => {
    const named = [...readme.matchAll(/`(src\/[a-z/-]+\.ts)`/g)].map(([, file]) => file as string);
    expect(named.length).toBeGreaterThan(20);
    for (const file of named) {
      expect(() => readFileSync(new URL(`../../../${file}`, import.meta.url)), file).not.toThrow();
    }
  });

  function section(name: string): readonly string[] {
    const [, rest = ''] = readme.split(`<!-- ${name} -->\n\n`);
    return (rest.split('\n\n')[0] ?? '').split('\n');
  }
});

function stateRows(): readonly (readonly string[])[] {
  return subRows(podStates, podTable);
}

function subRows(
  meanings: Readonly<Record<string, string>>,
  transitions: Readonly<Record<string, Readonly<Record<string, string>>>>,
): readonly (readonly string[])[] {
  return Object.entries(meanings).map(([state, meaning]) => [
    `\`${state}\``,
    meaning,
    eventsText(state, transitions[state] ?? {}),
  ]);
}

/** As `created, guestShown → running; refused`: without an arrow where the state stays. */
function eventsText(state: string, row: Readonly<Record<string, string>>): string {
  const byTarget = new Map<string, string[]>();
  for (const [event, to] of Object.entries(row)) {
    byTarget.set(to, [...(byTarget.get(to) ?? []), event]);
  }
  return [...byTarget]
    .map(([to, on]) => (to === state ? on.join(', ') : `${on.join(', ')} → \`${to}\``))
    .join('; ');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const widths = head.map((cell, i) =>
    Math.max(cell.length, ...rows.map((row) => row[i]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)];
}
