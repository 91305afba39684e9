/** Looks for what is wrong: each check on its own, so that one that fails hides no other. */
import { isFault } from '@spillway/core';
import type { DoctorResponse, Finding } from '../schemas/index.ts';
import type { AgentContext } from '../agent-context.ts';
import { checkForeignPods } from './foreign-pods.ts';
import { checkLinks } from './links.ts';
import { checkCertificates, checkResources, checkSelf } from './own.ts';
import { checkMarks } from './marks.ts';
import { checkOrphans } from './orphans.ts';
import { checkRights } from './rights.ts';
import { checkSettings } from './settings.ts';

type Check = (agent: AgentContext) => Promise<readonly Finding[]> | readonly Finding[];

const checks: readonly (readonly [Finding['check'], Check])[] = [
  ['agent', checkSelf],
  ['rights', checkRights],
  ['certificates', checkCertificates],
  ['reachability', checkLinks],
  ['orphans', checkOrphans],
  ['foreign-pods', checkForeignPods],
  ['marks', checkMarks],
  ['crds', checkResources],
  ['settings', checkSettings],
];

export async function doctor(agent: AgentContext): Promise<DoctorResponse> {
  const found = await Promise.all(
    checks.map(async ([check, look]): Promise<readonly Finding[]> => {
      try {
        return await look(agent);
      } catch (error) {
        const message = isFault(error) ? error.message : String(error);
        const remedy = 'read the agent’s log, and run the command again';
        return [{ check, severity: 'error', subject: 'agent', message, remedy }];
      }
    }),
  );
  return { cluster: agent.options.cluster, findings: found.flat() };
}
