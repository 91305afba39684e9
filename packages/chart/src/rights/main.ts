/**
 * Audits what API servers have recorded of agents while the integration tests ran (SPILLWAY_AUDIT_FOLDER).
 *
 *   main.ts FOLDER [whole]    whole: all tests ran, so that a right that nobody used is one too many
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { agentObjects } from '@spillway/testbed';
import { auditRights, rightText } from './rights-audit.ts';
import { recordedCalls } from './recorded-call.ts';

const [folder = '', whole] = process.argv.slice(2);
const calls = readdirSync(folder).flatMap((file) =>
  recordedCalls(readFileSync(join(folder, file), 'utf8')),
);
const { used, unused, denied } = auditRights(agentObjects(), calls);

for (const [right, count] of used) {
  console.log(`${String(count).padStart(7)} × ${rightText(right)}, by ${right.role}`);
}
const missing = new Set(
  denied.map(
    (call) =>
      `${rightText({ ...call, names: undefined })} in ${call.namespace || 'the whole cluster'}`,
  ),
);
for (const right of missing)
  console.error(
    `denied to an agent: ${right}; grant it in packages/chart/spillway/templates/rbac.yaml, or do not ask`,
  );
if (whole === 'whole') {
  for (const right of unused) {
    console.error(
      `granted, but asked by nobody: ${rightText(right)}, in ${right.role}; take it out of packages/chart/spillway/templates/rbac.yaml, or test what needs it`,
    );
  }
}
const byAgents = calls.filter(({ byAgent }) => byAgent).length;
console.log(
  `${calls.length} calls recorded, ${byAgents} by agents; ${used.size} rights used, ${unused.length} not, ${missing.size} missing`,
);
process.exitCode =
  missing.size > 0 || (whole === 'whole' && (unused.length > 0 || byAgents === 0)) ? 1 : 0;
