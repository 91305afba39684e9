/** What an agent answers under /v1/, as schemas: its own types, and what `spillway` checks answers with. */
export * from './doctor.ts';
export * from './dry-run.ts';
export * from './explanation.ts';
export * from './neighbours.ts';
export * from './policy.ts';
export * from './status.ts';
