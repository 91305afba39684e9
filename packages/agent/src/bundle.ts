/**
 * The agent as one file, with the code that V8 made of it: together they take it from about 150 MB to
 * about 100 MB and start it in a fifth of the time of the same code in a thousand modules, most of it
 * client-node's generated classes, which tree shaking removes.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build as bundle } from 'esbuild';

const folder = dirname(dirname(fileURLToPath(import.meta.url)));

/** How to start it: `node ...flags file`, with `NODE_COMPILE_CACHE` set to `compileCache`. */
export interface AgentBundle {
  readonly file: string;
  readonly compileCache: string;
  /** A small young generation: the agent's garbage is small too, and its memory is precious. */
  readonly flags: readonly string[];
}

const flags = ['--max-semi-space-size=2'];

/**
 * client-node brings undici for clients that the agent does not use; its own connections are Node's.
 * A fifth of the bundle.
 */
const noUndici = `
  const unused = () => { throw new Error('the agent has no undici: it speaks HTTPS by node:https'); };
  export { unused as fetch, unused as Agent, unused as ProxyAgent };
`;

/** Builds `dist/bundle/agent-<hash>.mjs` unless it is there. */
export async function bundleAgent(): Promise<AgentBundle> {
  const target = join(folder, 'dist', 'bundle');
  const compileCache = join(target, 'compile-cache');
  mkdirSync(target, { recursive: true });
  const { outputFiles } = await bundle({
    entryPoints: [join(folder, 'src', 'main.ts')],
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    conditions: ['spillway-source'],
    minify: true,
    plugins: [
      {
        name: 'no-undici',
        setup(build) {
          build.onResolve({ filter: /^undici$/ }, ({ path }) => ({ path, namespace: 'no-undici' }));
          build.onLoad({ filter: /./, namespace: 'no-undici' }, () => ({ contents: noUndici }));
        },
      },
    ],
    legalComments: 'none',
    logLevel: 'warning',
    // CommonJS modules inside an ES module need these.
    banner: {
      js: [
        "import { createRequire as __createRequire } from 'node:module';",
        "import { fileURLToPath as __fileURLToPath } from 'node:url';",
        "import { dirname as __pathDirname } from 'node:path';",
        'const require = __createRequire(import.meta.url);',
        'const __filename = __fileURLToPath(import.meta.url);',
        'const __dirname = __pathDirname(__filename);',
      ].join('\n'),
    },
  });
  const text = outputFiles[0]?.text ?? '';
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 12);
  const file = join(target, `agent-${hash}.mjs`);
  if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
    const partial = `${file}.${process.pid}.partial`;
    writeFileSync(partial, text);
    renameSync(partial, file);
    await compiled({ file, compileCache, flags });
  }
  return { file, compileCache, flags };
}

/** Runs it once, so that its first real start finds the cache. */
async function compiled({ file, compileCache }: AgentBundle): Promise<void> {
  const env = { ...process.env, NODE_OPTIONS: '', NODE_COMPILE_CACHE: compileCache };
  await promisify(execFile)(process.execPath, [...flags, file, '--help'], { env });
}
