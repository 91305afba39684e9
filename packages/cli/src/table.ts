import Table from 'cli-table3';

/** As `kubectl get` prints: columns and no lines. */
export function table(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const sides = [
    'top',
    'bottom',
    'left',
    'right',
    'mid',
    'middle',
    'left-mid',
    'mid-mid',
    'right-mid',
  ];
  const corners = ['top-mid', 'top-left', 'top-right', 'bottom-mid', 'bottom-left', 'bottom-right'];
  const drawn = new Table({
    head: [...head],
    chars: Object.fromEntries([...sides, ...corners].map((name) => [name, ''])),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 3 },
  });
  for (const row of rows) drawn.push([...row]);
  return drawn.toString();
}
