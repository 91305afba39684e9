import { expect, test } from 'vitest';
import { workloadText } from './explain.ts';

const away = {
  namespace: 'shop',
  state: 'away',
  host: 'lyon',
  guestNamespace: 'spillway-paris-shop',
  joined: false,
} as const;

test('explain deployment › a pod that its host refused is nowhere', () => {
  const text = workloadText({
    name: 'web',
    namespace: 'shop',
    wanted: 2,
    pods: [
      { ...away, name: 'web-1', phase: 'away', status: 'Running', wasThere: true },
      { ...away, name: 'web-2', phase: 'finished', status: 'GuestRefused', wasThere: false },
    ],
  });
  const rows = text.split('\n').map((line) => line.trim().split(/\s{2,}/));
  expect(rows).toContainEqual(['web-1', 'Running', 'away', 'lyon']);
  expect(rows).toContainEqual(['web-2', 'GuestRefused', 'refused', '-']);
});
