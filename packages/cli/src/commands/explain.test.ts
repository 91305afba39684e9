import { expect, test } from 'vitest';
import { podText, workloadText } from './explain.ts';

const away = {
  namespace: 'shop',
  state: 'away',
  host: 'lyon',
  guestNamespace: 'spillway-paris-shop',
  joined: false,
  leftOut: [] as string[],
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

test('explain pod › says what the host of a pod that is away leaves out', () => {
  const pod = {
    ...away,
    name: 'web-1',
    podState: 'away',
    phase: 'away',
    status: 'Running',
  } as const;
  const leftOut = ['annotation x', 'toleration of dedicated'];
  expect(podText({ ...pod, wasThere: true, leftOut })).toContain(
    '\nlyon runs it without annotation x, toleration of dedicated.\n',
  );
  expect(podText({ ...pod, wasThere: true })).not.toContain('without');
});
