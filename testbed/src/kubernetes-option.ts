/** `--kubernetes`, as every program has it that starts local clusters. */
import { InvalidArgumentError, Option } from 'commander';
import {
  defaultKubernetes,
  kubernetesMinor,
  kubernetesMinors,
  kubernetesVariable,
} from './kubernetes-versions.ts';

export function kubernetesOption(): Option {
  return new Option(
    '--kubernetes <version>',
    `version of local clusters: ${kubernetesMinors.join(', ')}`,
  )
    .env(kubernetesVariable)
    .default(defaultKubernetes)
    .argParser((text) => {
      try {
        return kubernetesMinor(text);
      } catch (error) {
        throw new InvalidArgumentError(`${(error as Error).message}.`);
      }
    });
}
