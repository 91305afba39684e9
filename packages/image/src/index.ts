export { type BuildOptions, type BuiltImage, buildImage } from './build-image.ts';
export { agentCommand, cliCommand, nonRoot } from './image-config.ts';
export { type Platform, platforms } from './platform.ts';
