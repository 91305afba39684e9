/** What `npm run testbed -- up --kind kind --install` does with the test bed when it is up. */
import type { KindTestbed } from '@spillway/testbed';
import { installFederation } from './installed-federation.ts';

export default async function install(testbed: KindTestbed): Promise<void> {
  await installFederation(testbed, { onStep: (step) => process.stdout.write(`${step} …\n`) });
}
