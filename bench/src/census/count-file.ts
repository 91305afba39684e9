/** One file of a census: its pod templates are counted, and what can't be counted is named. */
import { Fault } from '@spillway/core';
import {
  manifestAt,
  NotAManifest,
  type ManifestSource,
  objectsOrFaults,
  type PlacedManifest,
  withoutToken,
} from '@spillway/manifests';
import { type PodTemplate, podTemplatesOf } from './pod-templates.ts';
import type { Tally } from './tally.ts';

const namespace = 'default';

/** Never throws for what stands in the file. */
export function countFile(path: string, tally: Tally): void {
  const source = read(path);
  if (source instanceof Fault) return tally.file('unread', source.message);
  // All that makes pods has this word, and most files of a repository don't: they need no parser.
  if (!source.text.includes('containers')) return tally.file('withoutTemplates');
  const { templates, faults } = templatesIn(source);
  if (source.text.includes('{{') && (faults.length > 0 || isInTemplates(path)))
    return tally.file('helmTemplates');
  for (const template of templates) tally.template(template);
  if (faults[0] !== undefined) tally.file('unread', faults[0].message);
  else tally.file(templates.length > 0 ? 'withTemplates' : 'withoutTemplates');
}

function read(path: string): ManifestSource | Fault {
  try {
    return manifestAt(path);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

interface Found {
  readonly templates: readonly PodTemplate[];
  readonly faults: readonly Fault[];
}

function templatesIn(source: ManifestSource): Found {
  const templates: PodTemplate[] = [];
  const faults: Fault[] = [];
  const objects: PlacedManifest[] = [];
  for (const each of objectsOrFaults(source)) {
    if (!(each instanceof Fault)) objects.push(each);
    else if (!(each instanceof NotAManifest)) faults.push(each);
  }
  const context = { namespace, tokenless: withoutToken(objects, namespace) };
  for (const placed of objects) {
    try {
      templates.push(...podTemplatesOf(placed, context));
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      faults.push(error);
    }
  }
  return { templates, faults };
}

/** Where charts keep them. */
function isInTemplates(path: string): boolean {
  return /(^|[\\/])templates[\\/]/.test(path);
}
