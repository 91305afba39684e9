/// <reference lib="dom" />
/** The report as a reader sees it: in Chromium, on a phone and on a wide screen, light and dark. */
import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { htmlReport } from './html-report.ts';
import { fakeReport } from './testing/fake-report.ts';

/** WCAG 2.2, success criterion 1.4.3. */
const contrastMin = 4.5;
const textPxMin = 9;

const page = htmlReport({ ...fakeReport(), complete: false });
let browser: Browser;

beforeAll(async () => {
  browser = await chromium.launch({ executablePath: chromiumPath(), args: ['--no-sandbox'] });
});
afterAll(() => browser?.close());

const views = ['light', 'dark'].flatMap((colorScheme) =>
  [360, 768, 1280].map((width) => ({ colorScheme: colorScheme as 'light' | 'dark', width })),
);

describe.each(views)('a report, $colorScheme, $width px wide', ({ colorScheme, width }) => {
  const complaints: string[] = [];
  let shown: Page;

  beforeAll(async () => {
    shown = await browser.newPage({ colorScheme, viewport: { width, height: 800 } });
    shown.on('console', (message) => complaints.push(message.text()));
    shown.on('pageerror', (error) => complaints.push(String(error)));
    shown.on('request', (request) => complaints.push(`asks the network for ${request.url()}`));
    await shown.setContent(page);
  });
  afterAll(() => shown?.close());

  test('shows one scenario and one load, and whichever is chosen', async () => {
    expect(await visibleSections(shown)).toEqual(['setting-0', 'setting-0-load-3']);
    await shown.selectOption('label:has-text("Load") select', { label: '50.0\u00a0%' });
    expect(await visibleSections(shown)).toEqual(['setting-0', 'setting-0-load-0']);
    await shown.selectOption('label:has-text("Scenario") select', {
      label: 'mck8s, live, 5 clusters',
    });
    expect(await visibleSections(shown)).toEqual(['setting-1', 'setting-1-load-0']);
  });

  test.each([
    'mck8s, simulated, 5 clusters',
    'mck8s, live, 5 clusters',
    'edge-day, simulated, 24 clusters',
  ])('is readable: %s', async (label) => {
    await shown.selectOption('label:has-text("Scenario") select', { label });
    await shown.evaluate(() => {
      for (const details of document.querySelectorAll('details')) details.open = true;
    });
    expect(await overflowPx(shown)).toBeLessThanOrEqual(0);
    const plots = await plotsOf(shown);
    // 2 courses, 2 distributions, 2 of growth, and a matrix per system but `isolated` and `oracle`.
    expect(plots.length).toBeGreaterThanOrEqual(6 + (label.includes('live') ? 4 : 7));
    expect(plots.filter(({ marks }) => marks === 0)).toEqual([]);
    expect(plots.filter(({ outside }) => outside.length > 0)).toEqual([]);
    expect(plots.filter(({ textPx }) => textPx < textPxMin)).toEqual([]);
    const faint = await contrastsOf(shown);
    expect(faint.length).toBeGreaterThan(100);
    expect(faint.filter(({ contrast }) => contrast < contrastMin)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('says that the run did not finish before anything else', async () => {
    const banner = shown.getByRole('alert');
    expect(await banner.isVisible()).toBe(true);
    expect((await banner.boundingBox())?.y).toBeLessThan(400);
  });
});

test('a report without script shows every scenario and load', async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const shown = await context.newPage();
  await shown.setContent(page);
  for (const id of ['setting-0', 'setting-0-load-0', 'setting-1-load-0', 'setting-2-load-0']) {
    expect(await shown.locator(`#${id}`).isVisible()).toBe(true);
  }
  expect(await shown.locator('select').first().isVisible()).toBe(false);
  await context.close();
});

function visibleSections(shown: Page): Promise<string[]> {
  return shown.evaluate(() =>
    [...document.querySelectorAll('section[id]')]
      .filter((section) => section.getClientRects().length > 0)
      .map(({ id }) => id),
  );
}

function overflowPx(shown: Page): Promise<number> {
  return shown.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth - clientWidth;
  });
}

interface PlotSeen {
  readonly name: string;
  /** That have an extent. */
  readonly marks: number;
  /** Texts that stick out of their plot. */
  readonly outside: readonly string[];
  readonly textPx: number;
}

function plotsOf(shown: Page): Promise<PlotSeen[]> {
  return shown.evaluate(() => {
    const plots = [...document.querySelectorAll<SVGSVGElement>('svg.plot')];
    return plots
      .filter((plot) => plot.getClientRects().length > 0)
      .map((plot) => {
        const frame = plot.getBoundingClientRect();
        const scale = frame.width / plot.viewBox.baseVal.width;
        const texts = [...plot.querySelectorAll('text')];
        const sizes = texts.map((text) => parseFloat(getComputedStyle(text).fontSize) * scale);
        return {
          name: plot.getAttribute('aria-label') ?? '',
          marks: [...plot.querySelectorAll('.mark *, .mark')].filter((mark) => {
            const { width, height } = mark.getBoundingClientRect();
            return width + height > 1;
          }).length,
          outside: texts
            .filter((text) => {
              const { left, right, top, bottom } = text.getBoundingClientRect();
              const inside = left >= frame.left - 1 && right <= frame.right + 1;
              return !inside || top < frame.top - 3 || bottom > frame.bottom + 3;
            })
            .map(({ textContent }) => textContent),
          textPx: Math.min(...sizes),
        };
      });
  });
}

interface TextSeen {
  readonly text: string;
  readonly contrast: number;
}

/** Of every visible text against what lies behind it, by WCAG's formula. */
function contrastsOf(shown: Page): Promise<TextSeen[]> {
  return shown.evaluate(() => {
    type Colour = readonly [number, number, number, number];
    const parsed = (css: string, opacity = 1): Colour => {
      const [r = 0, g = 0, b = 0, a = 1] = (css.match(/[\d.]+/g) ?? []).map(Number);
      return [r, g, b, a * opacity];
    };
    const over = (top: Colour, below: Colour): Colour => {
      const mixed = (i: 0 | 1 | 2): number => top[i] * top[3] + below[i] * (1 - top[3]);
      return [mixed(0), mixed(1), mixed(2), 1];
    };
    const luminance = ([r, g, b]: Colour): number => {
      const linear = (value: number): number => {
        const part = value / 255;
        return part <= 0.040_45 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      };
      return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    };
    const behind = (element: Element): Colour => {
      const parent: Colour =
        element.parentElement === null ? [255, 255, 255, 1] : behind(element.parentElement);
      return over(parsed(getComputedStyle(element).backgroundColor), parent);
    };
    const cellsBehind = (text: Element, below: Colour): Colour => {
      const box = text.getBoundingClientRect();
      const [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
      return [...(text.closest('svg')?.querySelectorAll('rect') ?? [])].reduce((colour, cell) => {
        const { left, right, top, bottom } = cell.getBoundingClientRect();
        if (x < left || x > right || y < top || y > bottom) return colour;
        const { fill, fillOpacity } = getComputedStyle(cell);
        return over(parsed(fill, Number(fillOpacity)), colour);
      }, below);
    };
    return [...document.querySelectorAll('body *')]
      .filter((element) => {
        const own = [...element.childNodes].some(
          ({ nodeType, textContent }) => nodeType === 3 && textContent?.trim() !== '',
        );
        return own && element.getClientRects().length > 0 && element.tagName !== 'title';
      })
      .map((element) => {
        const inSvg = element instanceof SVGElement;
        const { color, fill } = getComputedStyle(element);
        const below = inSvg ? cellsBehind(element, behind(element)) : behind(element);
        const text = luminance(over(parsed(inSvg ? fill : color), below));
        const ground = luminance(below);
        const [light, dark] = [Math.max(text, ground), Math.min(text, ground)];
        return {
          text: element.textContent?.slice(0, 40) ?? '',
          contrast: (light + 0.05) / (dark + 0.05),
        };
      });
  });
}

function chromiumPath(): string {
  const paths = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  const found = [process.env['CHROMIUM'] ?? '', ...paths].find((path) => existsSync(path));
  if (found === undefined) {
    throw new Error(
      'This test needs Chromium: `apt-get install --no-install-recommends chromium`, or set CHROMIUM to its path.',
    );
  }
  return found;
}
