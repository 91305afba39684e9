export { chartFolder, helm, manifestsFile } from './helm.ts';
