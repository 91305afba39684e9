/** Writes two files, all `a` and then all `b`, until it is killed; a dot for each time. */
import { writeFiles } from '../federation/write-files.ts';

const [folder = '.'] = process.argv.slice(2);
for (;;) {
  for (const letter of ['a', 'b']) {
    const text = letter.repeat(100_000);
    writeFiles([
      { file: `${folder}/one`, text, mode: 0o600 },
      { file: `${folder}/two`, text, mode: 0o644 },
    ]);
    process.stdout.write('.');
  }
}
