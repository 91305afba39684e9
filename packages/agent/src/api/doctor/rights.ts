/** Whether the API server lets the agent do what it needs to. */
import { agentRights, missingRights } from '@spillway/kubernetes';
import type { Finding } from '../schemas/index.ts';
import type { AgentContext } from '../agent-context.ts';

export async function checkRights({ api, options }: AgentContext): Promise<readonly Finding[]> {
  const wanted = agentRights(options.lease);
  const missing = await missingRights(api, wanted);
  if (missing.length === 0) {
    const message = `all ${wanted.length} rights that the agent needs are granted`;
    return [{ check: 'rights', severity: 'ok', subject: 'RBAC', message }];
  }
  return missing.map(({ verb, resource, group, namespace, reason, for: purpose }): Finding => {
    const what = `${verb} ${resource}${group && `.${group}`}`;
    return {
      check: 'rights',
      // Without OffloadPolicies an agent decides nothing; without Neighbours people see less.
      severity: resource.startsWith('neighbours') ? 'warning' : 'error',
      subject: what,
      message: `the agent may not ${what} ${namespace === undefined ? 'in the whole cluster' : `in ${namespace}`}, for ${purpose}${reason && `: ${reason}`}`,
      remedy: 'install the chart of this version again: its RBAC was changed, or is older',
    };
  });
}
