import { describe, expect, test } from 'vitest';
import { reportSchema, type Growth, type Report, type Result } from '../results/result.ts';
import { htmlReport } from './html-report.ts';
import { fakeReport } from './testing/fake-report.ts';

const report = fakeReport();

describe('htmlReport', () => {
  test('is the same for the same report', () => {
    expect(reportSchema.parse(report)).toEqual(report);
    const some = (of: Report): Report => ({ ...of, results: of.results.slice(0, 30) });
    expect(htmlReport(some(fakeReport()))).toBe(htmlReport(some(report)));
  });

  test('has no number that is none', () => {
    expect(htmlReport(report)).not.toMatch(/NaN|Infinity|undefined/);
  });

  test('escapes every text of the report', () => {
    const nasty = '<script>alert("&")</script>';
    const first = report.results.find(({ system }) => system === 'spillway') as Result;
    const page = htmlReport({
      ...report,
      command: nasty,
      startedAt: nasty,
      versions: { [nasty]: nasty },
      machine: { ...report.machine, cpu: nasty, os: nasty },
      results: [
        {
          ...first,
          scenario: nasty,
          processes: [{ name: nasty, cpuSeconds: 1, rssMib: 1 }],
          series: { ...first.series, clusterNames: first.series.clusterNames.map(() => nasty) },
        },
      ],
    });
    // Its own script is the only one.
    expect(page.match(/<script/g)).toHaveLength(1);
    expect(page).not.toContain('alert("');
    expect(page).toContain('&lt;script&gt;alert(&quot;&amp;&quot;)&lt;/script&gt;');
  });

  test('says at the top that the run did not finish, and only then', () => {
    expect(htmlReport({ ...report, complete: false })).toContain('This run did not finish.');
    expect(htmlReport(report)).not.toContain('This run did not finish.');
  });

  test('leaves out what it has no data for', () => {
    const titles = (page: string): string[] =>
      [...page.matchAll(/<h[24]>(.*?)<\/h[24]>/g)].map(([, title]) => title ?? '');
    expect(titles(htmlReport({ ...report, results: [], growth: [] }))).toEqual([
      'How to get this again',
    ]);
    const one = { ...withoutSeries(report.results[0] as Result), agents: null };
    const page = htmlReport({ ...report, results: [one], growth: [] });
    expect(titles(page)).toEqual(['Results', 'Systems', 'How to get this again']);
    expect(page).not.toContain('<select>');
    expect(page).not.toContain('What it costs');
    expect(titles(htmlReport(report))).toEqual(
      expect.arrayContaining([
        'Pending pods over time',
        'Unserved replicas over time',
        'Waiting time',
        'How far offloaded pods are',
        'Where each home’s pods went',
        'Pending pods against load',
        'Unserved replicas against load',
        'Growth',
        'Bytes per second and agent',
        'Time until 99 % know',
      ]),
    );
  });

  test('puts the paper’s numbers beside as the paper’s', () => {
    const text = htmlReport(report);
    expect(text).toMatch(/6 % of pods pending under mck8s and 65 % under Kubernetes Federation/);
    expect(text).toMatch(/never published and so not reproducible/);
  });
});

describe('growth', () => {
  test('is held to its goals, which a size that was not run can not meet', () => {
    const [ten, , thousand] = report.growth as [Growth, Growth, Growth];
    const verdicts = (growth: Growth[]): string[] =>
      [...htmlReport({ ...report, results: [], growth }).matchAll(/✓ Goal met|✗ Goal missed/g)].map(
        ([verdict]) => verdict,
      );
    expect(verdicts([{ ...ten, known99Ms: 2_000 }])).toEqual(['✓ Goal met']);
    expect(verdicts([{ ...thousand, bytesPerSecondPerAgent: 10_001, known99Ms: 2_001 }])).toEqual([
      '✗ Goal missed',
      '✗ Goal missed',
    ]);
  });

  test.each([
    ['one size', {}],
    ['a size at which nobody spoke', { bytesPerSecondPerAgent: null, known99Ms: null }],
  ])('of %s has no number that is none', (_, silence) => {
    const [only] = report.growth as [Growth];
    const page = htmlReport({ ...report, results: [], growth: [{ ...only, ...silence }] });
    expect(page).not.toMatch(/NaN|Infinity|undefined/);
  });
});

describe('the headline table', () => {
  test('has medians over seeds, and differences to Spillway in the same trial', () => {
    const page = htmlReport(
      reportOf([
        ...pending('spillway', [0.01, 0.03, 0.02]),
        ...pending('kubefed-rsp', [0.21, 0.33, 0.42]),
      ]),
    );
    // Median of 1, 3, 2 is 2.
    expect(cells(page, 'spillway').slice(0, 2)).toEqual(['2.0 % [1.0, 3.0]', '–']);
    // Seed by seed 21 − 1 = 20, 33 − 3 = 30, 42 − 2 = 40: median 30. Unpaired, 33 − 2 would be 31.
    expect(cells(page, 'kubefed-rsp').slice(0, 2)).toEqual([
      '33.0 % [21.0, 42.0]',
      '+30.0 [+20.0, +40.0]',
    ]);
  });

  test('has no interval for one seed, and no difference without a pair', () => {
    const page = htmlReport(
      reportOf([...pending('spillway', [0.01]), ...pending('oracle', [0.5, 0.005]).slice(1)]),
    );
    expect(cells(page, 'spillway')[0]).toBe('1.0 %');
    // The oracle ran on seed 1 only, Spillway on seed 0.
    expect(cells(page, 'oracle').slice(0, 2)).toEqual(['0.50 %', '–']);
  });

  test('has evictions where there were some', () => {
    const none = pending('spillway', [0]).map((result) => ({ ...result, evictions: 0 }));
    const some = pending('kubefed-rsp', [0]).map((result) => ({ ...result, evictions: 7 }));
    const header = /<th scope="col">Evictions<\/th>/;
    expect(htmlReport(reportOf(none))).not.toMatch(header);
    const page = htmlReport(reportOf([...none, ...some]));
    expect(page).toMatch(header);
    expect(cells(page, 'kubefed-rsp')).toContain('7');
  });

  test('keeps live and simulated apart', () => {
    const live = pending('spillway', [0.4]).map((result) => ({ ...result, mode: 'live' as const }));
    const page = htmlReport(reportOf([...pending('spillway', [0.123]), ...live]));
    const sections = page.split('<section id="setting-');
    expect(sections.slice(1).filter((text) => text.includes('12.3\u00a0%'))).toHaveLength(1);
    expect(page).toContain('mck8s, simulated');
    expect(page).toContain('mck8s, live');
  });
});

function pending(system: Result['system'], ratios: readonly number[]): Result[] {
  const of = report.results.find((result) => result.system === system) as Result;
  return ratios.map((pendingPodRatio, seed) => ({
    ...withoutSeries(of),
    system,
    seed,
    pendingPodRatio,
  }));
}

function withoutSeries(result: Result): Result {
  return {
    ...result,
    series: {
      course: [],
      waitPercentilesMs: [],
      offloadRttPercentilesMs: [],
      flows: [],
      runningAtEnd: [],
      clusterNames: [],
    },
  };
}

function reportOf(results: readonly Result[]): Report {
  return { ...report, results: [...results], growth: [] };
}

function cells(page: string, system: string): string[] {
  const row = page.split('<tr').find((text) => text.includes(`</svg>${system}</th>`)) ?? '';
  return [...row.matchAll(/<td>(.*?)<\/td>/g)].map(([, cell = '']) =>
    cell.replace(/<[^>]*>/g, '').replaceAll('\u00a0', ' '),
  );
}
