/** `npm run testbed -- docker start | stop | status`: the Docker daemon that kind clusters run in. */
import type { Command } from 'commander';
import { dockerCall } from './docker-client.ts';
import { ensureDocker, findDocker } from './ensure-docker.ts';
import { withInstallPackages } from './install-packages-option.ts';
import { OwnDaemons } from './own-daemon.ts';

export function addDockerCommands(program: Command): void {
  const docker = program
    .command('docker')
    .description('the Docker daemon for kind clusters, where the machine has none running');
  withInstallPackages(docker.command('start'))
    .description('starts one of our own, unless one answers already')
    .action(async () => {
      await ensureDocker();
      await printStatus();
    });
  docker.command('status').description('which daemon would be used').action(printStatus);
  docker
    .command('stop')
    .description('ends ours with all its containers; leaves nothing but its images, in the cache')
    .action(async () => {
      const ran = await new OwnDaemons().stop();
      process.stdout.write(ran ? 'Docker has ended.\n' : 'No Docker of our own ran.\n');
    });
}

async function printStatus(): Promise<void> {
  const access = await findDocker();
  if (access === undefined) {
    process.stdout.write('No Docker runs. "npm run testbed -- docker start" starts one.\n');
    return;
  }
  const { DOCKER_HOST: host } = access.env;
  const version = await dockerCall(host, ['version', '--format={{.Server.Version}}']);
  const whose = access.own ? "the test bed's own" : "this machine's";
  const lines = [`Docker ${version}, ${whose}`];
  if (host) lines.push(`export DOCKER_HOST=${host}`);
  if (access.own) {
    lines.push(
      `its network: ${access.enter.join(' ')} COMMAND`,
      `log: ${new OwnDaemons().logFile}`,
    );
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}
