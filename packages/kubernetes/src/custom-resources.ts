/**
 * Which of Spillway's custom resources the API server serves: an agent works with none of them. Asked
 * of the discovery document, which everyone may read, so that no right is needed to find out.
 */
import { isFault } from '@spillway/core';
import type { ApiClient } from './api-client.ts';

export const customResources = ['neighbours', 'offloadpolicies'] as const;
export type CustomResource = (typeof customResources)[number];

export const customResourcesPath = '/apis/spillway.dev/v1alpha1';

/** @throws Fault when the API server can't be asked: that says nothing about what it serves. */
export async function servedCustomResources(api: ApiClient): Promise<ReadonlySet<CustomResource>> {
  try {
    const { resources } = await api.call<{ readonly resources: readonly { name: string }[] }>({
      method: 'GET',
      path: customResourcesPath,
    });
    const served = new Set(resources.map(({ name }) => name));
    return new Set(customResources.filter((name) => served.has(name)));
  } catch (error) {
    if (isFault(error, 'NotFound')) return new Set();
    throw error;
  }
}
