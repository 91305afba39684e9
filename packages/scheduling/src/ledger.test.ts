import type { NodeName, Pod, PodUid } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { evaluate } from './evaluation.ts';
import { Ledger } from './ledger.ts';
import { node, pod, shape } from './testing/fixtures.ts';

const waiting = pod('waiting', {});
const uid = 'uid-waiting' as PodUid;

function nominatedTo(name: string | undefined): Pod {
  return { ...waiting, status: { ...(name !== undefined && { nominatedNodeName: name }) } };
}

function ledgerOf(...pods: readonly Pod[]): Ledger {
  const ledger = new Ledger();
  for (const name of ['a', 'b'])
    ledger.apply({ kind: 'Node', type: 'set', object: node(name, '1') });
  for (const object of pods) ledger.apply({ kind: 'Pod', type: 'set', object });
  return ledger;
}

const feasible = ({ snapshot }: Ledger): readonly string[] => evaluate(snapshot, shape()).feasible;

describe('a pod that waits on a node for others to end', () => {
  test('keeps its room there, no matter which scheduler nominated it', () => {
    expect(feasible(ledgerOf(nominatedTo('a')))).toEqual(['b']);
  });

  test('keeps it before the watch shows the nomination', () => {
    const ledger = ledgerOf(nominatedTo(undefined));
    ledger.nominate(waiting, 'a' as NodeName);
    ledger.apply({ kind: 'Pod', type: 'set', object: nominatedTo(undefined) });
    expect(feasible(ledger)).toEqual(['b']);
  });

  test('has none any more once it is given up, though the watch still shows the old node', () => {
    const ledger = ledgerOf(nominatedTo('a'));
    ledger.nominate(nominatedTo('a'), undefined);
    ledger.apply({ kind: 'Pod', type: 'set', object: nominatedTo('a') });
    expect(feasible(ledger)).toEqual(['a', 'b']);
  });

  test('counts once, where it is, when it is bound', () => {
    const ledger = ledgerOf(nominatedTo('a'));
    ledger.assume(nominatedTo('a'), 'b' as NodeName);
    expect(feasible(ledger)).toEqual(['a']);
    const bound = { ...waiting, spec: { ...waiting.spec, nodeName: 'b' } };
    ledger.apply({ kind: 'Pod', type: 'set', object: bound });
    expect(ledger.pod(uid)?.standing).toMatchObject({ nominated: false });
    expect(feasible(ledger)).toEqual(['a']);
  });

  test('frees it when it is deleted', () => {
    const ledger = ledgerOf(nominatedTo('a'));
    ledger.apply({ kind: 'Pod', type: 'deleted', object: nominatedTo('a') });
    expect(feasible(ledger)).toEqual(['a', 'b']);
  });
});
