export { allOf, exitCodes, spillwayProgram } from './program.ts';
