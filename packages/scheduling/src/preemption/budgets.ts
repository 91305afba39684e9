/** PodDisruptionBudgets among victims, after filterPodsWithPDBViolation of defaultpreemption. */
import type { PodDisruptionBudget } from '@spillway/core';
import { isEmptySelector, matchesLabels } from '../selectors.ts';
import type { Victim } from './victims.ts';

/** Which of `victims`, taken in their order, would break a budget. */
export function breakingBudgets(
  victims: readonly Victim[],
  budgets: readonly PodDisruptionBudget[],
): ReadonlySet<Victim> {
  const left = budgets.map(({ status }) => status?.disruptionsAllowed ?? 0);
  const breaking = new Set<Victim>();
  for (const victim of victims) {
    for (const [i, budget] of budgets.entries()) {
      if (!covers(budget, victim)) continue;
      const after = (left[i] ?? 0) - 1;
      left[i] = after;
      if (after < 0) breaking.add(victim);
    }
  }
  return breaking;
}

/** A pod whose eviction is under way is in `disruptedPods`: the budget has counted it. */
function covers({ metadata, spec, status }: PodDisruptionBudget, victim: Victim): boolean {
  const { selector } = spec ?? {};
  if (metadata.namespace !== victim.namespace || selector === undefined) return false;
  if (isEmptySelector(selector) || !matchesLabels(selector, victim.labels)) return false;
  return !(victim.standing.name in (status?.disruptedPods ?? {}));
}
