/**
 * Every metric, event, condition, label, annotation, flag, option and value that a page names is one that
 * the code has. Each that the code has is on a page. Names are collected from the lists in the code. On
 * pages they are known by how they look.
 */
import { optionsSchema, ownMetrics, variableOf } from '@spillway/agent';
import { wellKnown } from '@spillway/core';
import { conditionMeanings, eventReasons } from '@spillway/kubernetes';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { allOf, spillwayProgram } from './program.ts';
import {
  chartSchema,
  commandLines,
  found,
  inlineCode,
  pages,
  sources,
} from './testing/documented-names.ts';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
}

const code = sources();
const all = pages()
  .map(({ text }) => text)
  .join('\n');
const agentOptions = keysOf(z.toJSONSchema(optionsSchema, { io: 'input' }) as Schema);
const chartValues = keysOf(chartSchema() as Schema);

/** Groups and leaves, `host` and `host.guestsMax`. */
function keysOf({ properties = {} }: Schema, prefix = ''): readonly string[] {
  return Object.entries(properties).flatMap(([key, inner]) => [
    `${prefix}${key}`,
    ...keysOf(inner, `${prefix}${key}.`),
  ]);
}

function leavesOf(keys: readonly string[]): readonly string[] {
  return keys.filter((key) => !keys.some((other) => other.startsWith(`${key}.`)));
}

/** Names with the page to mend. */
function unknown(
  named: readonly (readonly [string, string])[],
  isKnown: (name: string) => boolean,
): readonly string[] {
  return named.filter(([name]) => !isKnown(name)).map(([name, page]) => `${name} (${page})`);
}

function unnamed(names: Iterable<string>): readonly string[] {
  return [...names].filter((name) => !all.includes(`\`${name}\``));
}

const word = (name: string): RegExp =>
  new RegExp(`(?<![\\w-])${name.replaceAll(/[.*+?^$()[\]{}|\\/]/g, '\\$&')}(?![\\w-])`);

describe('metrics', () => {
  const names = new Set(ownMetrics().map(({ name }) => name));

  test('that pages name exist', () => {
    const named = found(/\bspillway_[a-z_]*[a-z]\b/g);
    expect(named.length).toBeGreaterThan(10);
    const known = (name: string): boolean => names.has(name.replace(/_(bucket|sum|count)$/, ''));
    expect(unknown(named, known)).toEqual([]);
  });

  test('are each on a page', () => expect(unnamed(names)).toEqual([]));
});

describe('events, conditions and reasons', () => {
  test('that pages name are words of the code', () => {
    const named = inlineCode(/^[A-Z][a-z]+([A-Z][a-z]+)+$/);
    expect(named.length).toBeGreaterThan(10);
    // That page is about what Kubernetes has, ours or not.
    const ours = named.filter(([, page]) => page !== 'docs/kubernetes-versions.md');
    expect(unknown(ours, (name) => word(name).test(code))).toEqual([]);
  });

  test('are each on a page', () => {
    const types = conditionMeanings.map(({ type }) => type);
    expect(unnamed([...Object.values(eventReasons), ...types])).toEqual([]);
  });

  test('conditions of our own kinds are each in the list', () => {
    const written = [...code.matchAll(/type(?:: | = )'([A-Z]\w+)'(?=[,;]\s*\n\s*(?:status|if))/g)];
    const ours = written.map(([, type = '']) => type);
    expect(ours).toContain('Reachable');
    const kubernetes = ['Ready', 'PodScheduled', 'DisruptionTarget'];
    const listed: readonly string[] = conditionMeanings.map(({ type }) => type);
    expect(ours.filter((type) => !listed.includes(type) && !kubernetes.includes(type))).toEqual([]);
  });
});

describe('labels, annotations and other names on objects', () => {
  const names = Object.values(wellKnown);

  test('that pages name are in the code', () => {
    const named = found(/(?<![\w.])(?:home\.|testbed\.)?spillway\.dev\/[a-z][a-z0-9-]*/g);
    expect(named.length).toBeGreaterThan(8);
    expect(unknown(named, (name) => word(name).test(code) || code.includes(name))).toEqual([]);
  });

  test('are each on a page', () => expect(unnamed(names)).toEqual([]));
});

describe('the command line', () => {
  const program = spillwayProgram();

  /** The command that the words mean, and the words after it; undefined where there is no such command. */
  function commandOf(words: readonly string[]): [Command, readonly string[]] | undefined {
    let command = program;
    let rest = words;
    while (command.commands.length > 0) {
      const [name = '', ...others] = rest;
      if (name.startsWith('-') || name === '' || name === '…') break;
      const next = command.commands.find((each) => each.name() === name);
      if (next === undefined) return undefined;
      command = next;
      rest = others;
    }
    return [command, rest];
  }

  function wrong(words: readonly string[]): readonly string[] {
    const line = `spillway ${words.join(' ')}`;
    const meant = commandOf(words.filter((each) => !each.includes('[')));
    if (meant === undefined) return [line];
    const [command, rest] = meant;
    // They pass what follows on to programs of a checkout.
    if (['bench', 'testbed'].includes(command.name())) return [];
    const flags = rest.filter((each) => /^--?[a-z]/.test(each)).map((each) => each.split('=')[0]);
    const known = [...command.options, ...program.options].flatMap(({ short, long }) => [
      short,
      long,
    ]);
    const strangers = flags.filter((flag) => ![...known, '--help', '-h'].includes(flag));
    return strangers.map((flag) => `${line}: ${flag}`);
  }

  test('has the commands and flags that pages use', () => {
    const lines = commandLines('spillway').filter(([words]) => !words.join(' ').includes('|'));
    expect(lines.length).toBeGreaterThan(40);
    // Of the tour, to show what an error looks like.
    const meant = ['neighbors', '--outputt'];
    const odd = lines.flatMap(([words, page]) =>
      words.some((each) => meant.includes(each))
        ? []
        : wrong(words).map((what) => `${what} (${page})`),
    );
    expect(odd).toEqual([]);
  });

  test('has each of its flags on a page', () => {
    const flags = allOf(program).flatMap(({ options }) =>
      options.flatMap(({ long, hidden }) => (long && !hidden ? [long] : [])),
    );
    expect(new Set(flags).size).toBeGreaterThan(20);
    expect([...new Set(flags)].filter((flag) => !word(flag).test(all))).toEqual([]);
  });

  test('programs of the checkout have the flags that pages use', () => {
    const lines = commandLines('npm (?:run|start)');
    expect(lines.length).toBeGreaterThan(20);
    const flags = lines.flatMap(([words, page]) =>
      words
        .filter((each) => /^--[a-z]/.test(each) && each !== '--silent')
        .map((each) => [(each.split('=')[0] ?? '').slice(2), page] as const),
    );
    const camel = (flag: string): string =>
      flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
    expect(
      unknown(flags, (flag) =>
        [`--${flag}`, `'${flag}'`, `${flag}:`, camel(flag)].some((text) => code.includes(text)),
      ),
    ).toEqual([]);
  });
});

describe('options of the agent and values of the chart', () => {
  test('that pages name exist', () => {
    const groups = [...new Set([...agentOptions, ...chartValues].map((key) => key.split('.')[0]))];
    const shape = new RegExp(`^(?:${groups.join('|')})\\.[a-z][\\w.]*(?:[:=] ?.*)?$`);
    const named = inlineCode(shape).map(
      ([name, page]) => [name.replace(/[:=].*$/, ''), page] as const,
    );
    expect(named.length).toBeGreaterThan(20);
    const files = /\.(key|cert|pub|list|ts|md|yaml|json|txt)$/;
    const isKnown = (name: string): boolean =>
      files.test(name) ||
      [...agentOptions, ...chartValues].includes(name) ||
      agentOptions.includes(name.replace(/^config\./, ''));
    expect(unknown(named, isKnown)).toEqual([]);
  });

  test('that command lines set exist', () => {
    const set = commandLines('helm').flatMap(([words, page]) =>
      words.flatMap((each, i) => {
        const given = each === '--set' ? words[i + 1] : /^--set=(.+)/.exec(each)?.[1];
        const key = /^'?([\w.]+)=/.exec(given ?? '')?.[1];
        return key === undefined ? [] : [[key, page] as const];
      }),
    );
    expect(set.length).toBeGreaterThan(1);
    expect(unknown(set, (key) => chartValues.includes(key))).toEqual([]);
  });

  test('environment variables that pages name exist', () => {
    const variables = new Set(leavesOf(agentOptions).map(variableOf));
    const named = found(/\bSPILLWAY_[A-Z_]*[A-Z]\b/g);
    expect(unknown(named, (name) => variables.has(name) || word(name).test(code))).toEqual([]);
  });

  test('are each on a page', () => {
    expect(unnamed(leavesOf(agentOptions))).toEqual([]);
    const own = leavesOf(chartValues).filter((key) => !/^(config|global)(\.|$)/.test(key));
    expect(unnamed(own)).toEqual([]);
  });
});
