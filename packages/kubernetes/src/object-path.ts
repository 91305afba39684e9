import { Fault } from '@spillway/core';

export function podsPath(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/pods`;
}

export function podPath(namespace: string, name: string): string {
  return objectPath(namespace, 'pods', name);
}

const objectName = /^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/;

/**
 * Some of these names were sent by a neighbour. API servers decode a path before they split it, so
 * that no escaping keeps a slash in a name from naming another resource.
 *
 * @throws Fault `NotFound` for what can't be any object's name.
 */
export function objectPath(namespace: string, resource: string, name: string): string {
  if (!objectName.test(namespace) || !objectName.test(name)) {
    throw new Fault('NotFound', `${resource} ${namespace}/${name}: not the name of any object`);
  }
  return `/api/v1/namespaces/${namespace}/${resource}/${name}`;
}
