/** Looks for what is wrong: each check on its own, so that one that fails hides no other. */
import { isFault } from '@spillway/core';
import type { DoctorAnswer, Finding } from '../answers/index.ts';
import type { Asked } from '../questions.ts';
import { checkForeignPods } from './foreign-pods.ts';
import { checkLinks } from './links.ts';
import { checkCertificates, checkResources, checkSelf } from './own.ts';
import { checkMarks } from './marks.ts';
import { checkOrphans } from './orphans.ts';
import { checkRights } from './rights.ts';
import { checkSettings } from './settings.ts';

type Check = (asked: Asked) => Promise<readonly Finding[]> | readonly Finding[];

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

export async function doctor(asked: Asked): Promise<DoctorAnswer> {
  const found = await Promise.all(
    checks.map(async ([check, look]): Promise<readonly Finding[]> => {
      try {
        return await look(asked);
      } catch (error) {
        const message = isFault(error) ? error.message : String(error);
        const remedy = 'read the agent’s log, and run the command again';
        return [{ check, severity: 'error', subject: 'agent', message, remedy }];
      }
    }),
  );
  return { cluster: asked.options.cluster, findings: found.flat() };
}
