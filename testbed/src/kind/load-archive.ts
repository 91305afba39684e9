/** Images reach the nodes without a registry. */
import { Fault } from '@spillway/core';
import { type Docker, lastLines } from './docker.ts';

/** On every node of a cluster, by kind's name of it. @throws Fault `Unavailable` with what kind said */
export async function loadArchive(
  { docker, kind }: { readonly docker: Docker; readonly kind: string },
  kindName: string,
  archive: string,
): Promise<void> {
  const args = ['load', 'image-archive', archive, `--name=${kindName}`];
  const ran = await docker.runBeside(kind, args, {});
  if (ran.code === 0) return;
  throw new Fault('Unavailable', `${archive} was not loaded into ${kindName}:\n${lastLines(ran)}`);
}
