/**
 * A program as one file without dependencies, as it ships: in the image, in the npm package, and where
 * bench/ runs agents as processes. Most of client-node's generated classes are shaken off.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { type BundledPackage, bundledPackages } from './bundled-packages.ts';

export type Program = 'agent' | 'cli';

export interface ProgramBundle {
  /** An ES module for Node 24; equal sources give equal text, wherever the checkout lies. */
  readonly text: string;
  readonly packages: readonly BundledPackage[];
}

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

/**
 * client-node brings undici for clients that the agent does not use; its own connections are Node's.
 * A fifth of the bundle.
 */
const withoutUndici: Plugin = {
  name: 'without-undici',
  setup(build) {
    build.onResolve({ filter: /^undici$/ }, ({ path }) => ({ path, namespace: 'without-undici' }));
    build.onLoad({ filter: /./, namespace: 'without-undici' }, () => ({
      contents: `
        const unused = () => { throw new Error('there is no undici here: speak HTTPS by node:https'); };
        export { unused as fetch, unused as Agent, unused as ProxyAgent };
      `,
    }));
  },
};

/** CommonJS modules inside an ES module need these. */
const banner = [
  "import { createRequire as __createRequire } from 'node:module';",
  "import { fileURLToPath as __fileURLToPath } from 'node:url';",
  "import { dirname as __pathDirname } from 'node:path';",
  'const require = __createRequire(import.meta.url);',
  'const __filename = __fileURLToPath(import.meta.url);',
  'const __dirname = __pathDirname(__filename);',
].join('\n');

export async function bundleProgram(program: Program): Promise<ProgramBundle> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: [join('packages', program, 'src', 'main.ts')],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    conditions: ['spillway-source'],
    minify: true,
    plugins: [withoutUndici],
    legalComments: 'none',
    logLevel: 'warning',
    banner: { js: banner },
  });
  return { text: outputFiles[0]?.text ?? '', packages: bundledPackages(metafile, root) };
}
