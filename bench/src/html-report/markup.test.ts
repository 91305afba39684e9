import { describe, expect, test } from 'vitest';
import { html, trusted } from './markup.ts';

describe('html', () => {
  test('escapes what it is given', () => {
    const name = `<b title="x" id='y'>&`;
    expect(html`<p>${name}</p>`.markup).toBe(
      '<p>&lt;b title=&quot;x&quot; id=&#39;y&#39;&gt;&amp;</p>',
    );
  });

  test('takes markup as it is, a list of it joined, and nothing for undefined', () => {
    const items = ['a', '<'].map((text) => html`<li>${text}</li>`);
    expect(html`<ul>${items}${undefined}${trusted('<hr>')}${3}</ul>`.markup).toBe(
      '<ul><li>a</li><li>&lt;</li><hr>3</ul>',
    );
  });
});
