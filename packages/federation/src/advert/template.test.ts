import { describe, expect, test } from 'vitest';
import { podOf } from '../testing/fixtures.ts';
import { saidOfTemplate } from './template.ts';

describe('what a host says of one pod, said of all of its template', () => {
  const pod = podOf('x-7');

  test.each([
    [
      'pods "x-7" is forbidden: exceeded quota: guests, requested: pods=1, used: pods=3, limited: pods=3',
      'such a pod is forbidden: exceeded quota: guests, requested: pods=1, used: pods=3, limited: pods=3',
    ],
    [
      'Pod "x-7" is invalid: spec.priority: Forbidden',
      'such a pod is invalid: spec.priority: Forbidden',
    ],
    [
      'admission webhook "w.example.com" denied the request: pod spillway-paris-shop/x-7: no owner',
      'admission webhook "w.example.com" denied the request: such a pod: no owner',
    ],
    ["'x-7' has no cost centre, see x-7.", 'such a pod has no cost centre, see such a pod.'],
  ])('%s', (words, said) => {
    expect(saidOfTemplate(words, pod)).toBe(said);
  });

  test('names that only begin or end like the pod’s stay', () => {
    const words = 'container "x-70" of web-x-7 needs x-7.example.com and ConfigMap x-7-settings';
    expect(saidOfTemplate(words, pod)).toBe(words);
  });

  test('a name that is a word is taken out where it is one', () => {
    const words = 'pods "a" is forbidden: a label is missing, see "a"';
    const said = 'such a pod is forbidden: a label is missing, see such a pod';
    expect(saidOfTemplate(words, podOf('a'))).toBe(said);
  });

  test('a name that no API server takes is no pattern', () => {
    expect(saidOfTemplate('x', podOf('(.*)+'))).toBe('x');
  });

  test('a container of the same name stays', () => {
    const words = 'pods "c" is forbidden: container "c" must not run as root';
    expect(saidOfTemplate(words, podOf('c'))).toBe(
      'such a pod is forbidden: container "c" must not run as root',
    );
  });
});
