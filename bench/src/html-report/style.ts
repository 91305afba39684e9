import { colourVariables } from './palette.ts';

/** The page's style sheet: light and dark by what the reader's system prefers, narrow and wide by its width. */
export const style = `
:root { color-scheme: light dark; --text: #1b1b1b; --dim: #595959; --ground: #fdfdfb; --line: #d9d9d4; --soft: #f1f1ec; --warn: #8a3b00; --warnground: #fff1e0; ${colourVariables('light')} }
@media (prefers-color-scheme: dark) { :root { --text: #ececec; --dim: #adadad; --ground: #16181b; --line: #3a3d42; --soft: #202327; --warn: #ffc58a; --warnground: #3a2a17; ${colourVariables('dark')} } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1080px; padding: 1.25rem; font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--ground); }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0.5rem 0; } h2 { font-size: 1.25rem; margin: 2.5rem 0 0.5rem; } h3 { font-size: 1rem; margin: 1.75rem 0 0.25rem; }
p { margin: 0.4rem 0; max-width: 70ch; } .dim, figcaption, footer { color: var(--dim); font-size: 0.9rem; }
.banner { background: var(--warnground); color: var(--warn); padding: 0.6rem 0.9rem; border-radius: 6px; font-weight: 600; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.92rem; }
th, td { padding: 0.3rem 0.7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); } th { color: var(--dim); font-weight: 600; } th:first-child, td:first-child { text-align: left; } tr.spillway td { font-weight: 700; background: var(--soft); }
figure { margin: 0.5rem 0 0; } figure svg { max-width: 100%; height: auto; } .narrow { display: none; }
@media (max-width: 700px) { .wide { display: none; } .narrow { display: block; } body { padding: 0.9rem; } }
.legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1.1rem; padding: 0; margin: 0.3rem 0; list-style: none; font-size: 0.88rem; } .legend svg { vertical-align: middle; margin-right: 0.4rem; }
.flows { display: flex; flex-wrap: wrap; gap: 1.5rem; } .flows > div { max-width: 100%; } .flows h4 { margin: 0.3rem 0 0; font-size: 0.92rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.15rem 1rem; margin: 0.5rem 0; } dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; } code { font-size: 0.92em; overflow-wrap: anywhere; }
@media (max-width: 700px) { dl { grid-template-columns: 1fr; } dd { margin-bottom: 0.4rem; } }
`;
