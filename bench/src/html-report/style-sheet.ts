/** Light and dark by the reader's preference; phone first, figures beside each other where there is room. */

const light = `
  color-scheme: light;
  --page: #ffffff; --card: #f6f7f9; --rule: #d9dde3; --text: #1b1f24; --soft: #545d68;
  --warn-text: #6b1d00; --warn: #ffe9dc;
  --spillway: #d55e00; --isolated: #8a929d; --oracle: #1b1f24;
  --kubefed: #0072b2; --kubefed-light: #3d97d3; --mck8s: #007a5a; --mck8s-light: #1a9e7a;
  --at-home: #6f8296; --away: #d55e00;`;

const dark = `
  color-scheme: dark;
  --page: #14171c; --card: #1c2027; --rule: #363d47; --text: #e8ebef; --soft: #a8b0bb;
  --warn-text: #ffd9c2; --warn: #4a2410;
  --spillway: #ff9340; --isolated: #7a8390; --oracle: #f0f3f6;
  --kubefed: #4da6e0; --kubefed-light: #8cc8f2; --mck8s: #2fb58d; --mck8s-light: #7ad9bd;
  --at-home: #8fa3b8; --away: #ff9340;`;

export const styleSheet = `
:root {${light}
}
@media (prefers-color-scheme: dark) { :root {${dark}
} }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body {
  margin: 0 auto; max-width: 1240px; padding: 1rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word;
}
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0.5rem 0; }
h2 { font-size: 1.35rem; margin: 2.5rem 0 0.5rem; border-top: 1px solid var(--rule); padding-top: 1rem; }
h3 { font-size: 1.2rem; margin: 1.5rem 0 0.5rem; }
h4 { font-size: 1rem; margin: 0 0 0.25rem; }
h5 { font-size: 0.875rem; margin: 0.75rem 0 0.25rem; }
p { margin: 0.5rem 0; max-width: 46rem; }
small { font-size: 0.8125rem; font-weight: normal; color: var(--soft); }
.facts-line { color: var(--soft); }
.banner { background: var(--warn); color: var(--warn-text); border-left: 6px solid var(--spillway); padding: 0.75rem 1rem; }

.chooser { margin: 1rem 0; font-weight: 600; }
select {
  font: inherit; font-weight: 400; margin-left: 0.5rem; padding: 0.35rem 0.5rem; max-width: 100%;
  color: inherit; background: var(--card); border: 1px solid var(--rule); border-radius: 6px;
}

.tiles-say { margin: 1rem 0 0.5rem; }
.tiles { list-style: none; margin: 0 0 1rem; padding: 0; display: grid; gap: 0.5rem; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); }
.tiles li { background: var(--card); border-radius: 8px; padding: 0.6rem 0.8rem; border-top: 4px solid var(--kubefed); }
.tiles li.spillway { border-color: var(--spillway); }
.tiles li.oracle { border-color: var(--oracle); }
.tiles li.isolated { border-color: var(--isolated); }
.tiles li[class^=mck8s] { border-color: var(--mck8s); }
.tiles strong { font-size: 0.9375rem; }
.tiles small { display: block; line-height: 1.3; }
.tiles p { margin: 0; font-size: 0.8125rem; line-height: 1.4; }
.tiles b { font-size: 1.5rem; line-height: 1.3; font-variant-numeric: tabular-nums; display: block; }

.goals { list-style: none; margin: 0.75rem 0; padding: 0; font-size: 0.875rem; }
.goals li { padding: 0.15rem 0 0.15rem 0.75rem; border-left: 4px solid var(--mck8s); margin: 0.25rem 0; }
.goals .missed { border-color: var(--spillway); }
.goals span { color: var(--soft); }

.table { overflow-x: auto; margin: 0.75rem 0; }
table small { display: block; font-size: 0.75rem; }
table { border-collapse: collapse; font-size: 0.8125rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.35rem 0.5rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--rule); }
thead th { vertical-align: bottom; color: var(--soft); font-weight: 600; white-space: normal; min-width: 4.5rem; }
th:first-child { text-align: left; position: sticky; left: 0; background: var(--page); }
tbody th { font-weight: 500; }
tr.ours td, tr.ours th { background: var(--card); font-weight: 600; }


.figures { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr); margin: 1rem 0; }
figure { margin: 0; padding: 0.75rem; background: var(--card); border-radius: 8px; min-width: 0; }
figcaption { font-size: 0.8125rem; line-height: 1.45; color: var(--soft); margin-top: 0.5rem; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 0.1rem 0.9rem; margin: 0 0 0.5rem; padding: 0; font-size: 0.8125rem; }
.legend li { display: flex; align-items: center; gap: 0.35rem; }
.key { width: 0.9rem; height: 0.9rem; border-radius: 3px; }
.key.home { background: var(--at-home); }
.key.away { background: var(--away); }
.swatch { flex: none; vertical-align: middle; }
th .swatch, dt .swatch { margin-right: 0.5rem; }
.matrices { display: flex; gap: 1rem; overflow-x: auto; }
.matrices > div { flex: 0 0 88%; }
.matrices h5 { margin: 0; display: flex; align-items: center; gap: 0.35rem; }
.plot { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif; }
.plot text { white-space: pre; }
.wide { display: none; }

details { margin: 0.5rem 0; }
summary { cursor: pointer; color: var(--soft); }
dl { margin: 0.5rem 0; font-size: 0.875rem; }
dt { font-weight: 600; }
dd { margin: 0 0 0.5rem; color: var(--soft); max-width: 46rem; overflow-wrap: anywhere; }
pre { background: var(--card); border-radius: 8px; padding: 0.75rem; overflow-x: auto; font-size: 0.875rem; }

@media (min-width: 640px) {
  .narrow { display: none; }
  .wide { display: block; }
  .matrices { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); }
  dl.facts, dl.systems { display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1rem; }
  dl.facts dd, dl.systems dd { margin: 0; }
}
@media (min-width: 1000px) {
  body { padding: 1.5rem 2rem; }
  .figures { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .figures .full { grid-column: 1 / -1; }
}
`;
