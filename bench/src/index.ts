export { type Federation, startFederation } from './federation/federation.ts';
