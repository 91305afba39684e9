/**
 * What the image contains, as CycloneDX: the npm packages that are in the bundles, Node, and the Debian
 * packages, with versions and licences. Equal inputs give an equal text: it has no time and no random serial
 * number.
 */
import { ComponentType, ExternalReferenceType } from '@cyclonedx/cyclonedx-library/Enums';
import { Factories } from '@cyclonedx/cyclonedx-library/Contrib/License';
import { Bom, Component, ExternalReference, Property } from '@cyclonedx/cyclonedx-library/Models';
import { JSON as Json, JsonSerializer } from '@cyclonedx/cyclonedx-library/Serialize';
import { Spec1dot6 } from '@cyclonedx/cyclonedx-library/Spec';
import type { BundledPackage } from '@spillway/bundling';
import { PackageURL } from 'packageurl-js';
import assertSpdxExpression from 'spdx-expression-parse';

export interface Ingredients {
  readonly version: string;
  readonly source: string;
  readonly npm: readonly BundledPackage[];
  /** Left out where another image brings it. */
  readonly node?: { readonly version: string };
  readonly debian: readonly DebianIngredient[];
}

interface DebianIngredient {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly sha256: string;
  readonly licences: readonly string[];
}

const licences = new Factories.LicenseFactory((expression) => {
  assertSpdxExpression(expression);
});

export function sbomOf({ version, source, npm, node, debian }: Ingredients): string {
  const bom = new Bom();
  const spillway = new Component(ComponentType.Container, 'spillway', {
    version,
    bomRef: 'spillway',
  });
  spillway.licenses.add(licences.makeFromString('Apache-2.0'));
  spillway.externalReferences.add(new ExternalReference(source, ExternalReferenceType.VCS));
  bom.metadata.component = spillway;
  for (const each of [
    ...npm.map(npmComponent),
    ...(node === undefined ? [] : [nodeComponent(node.version)]),
    ...debian.map(debianComponent),
  ]) {
    bom.components.add(each);
    spillway.dependencies.add(each.bomRef);
  }
  return new JsonSerializer(new Json.Normalize.Factory(Spec1dot6)).serialize(bom, {
    sortLists: true,
    space: 1,
  });
}

function npmComponent({ name, version, license, description }: BundledPackage): Component {
  const [scope, bare = name] = name.startsWith('@') ? name.split('/') : [undefined, name];
  const component = identified(ComponentType.Library, bare, {
    type: 'npm',
    namespace: scope,
    version,
  });
  if (scope !== undefined) component.group = scope;
  if (description !== '') component.description = description;
  if (license !== '') component.licenses.add(licences.makeFromString(license));
  return component;
}

function nodeComponent(version: string): Component {
  const node = identified(ComponentType.Platform, 'node', { type: 'generic', version });
  node.description =
    'Node.js, with the libraries that it brings (its licences: /usr/share/doc/nodejs)';
  node.licenses.add(licences.makeFromString('MIT'));
  return node;
}

function debianComponent({
  name,
  version,
  architecture,
  sha256,
  ...each
}: DebianIngredient): Component {
  const component = identified(ComponentType.Library, name, {
    type: 'deb',
    namespace: 'debian',
    version,
    qualifiers: { arch: architecture },
  });
  // Debian names licences in its own way (GPL-2+, Expat): said as they stand, never as an expression.
  for (const licence of each.licences) component.licenses.add(licences.makeDisjunctive(licence));
  component.properties.add(new Property('debian:sha256', sha256));
  return component;
}

function identified(
  kind: ComponentType,
  name: string,
  {
    type,
    namespace,
    version,
    qualifiers,
  }: {
    readonly type: string;
    readonly namespace?: string | undefined;
    readonly version: string;
    readonly qualifiers?: Record<string, string>;
  },
): Component {
  const purl = new PackageURL(type, namespace, name, version, qualifiers, undefined).toString();
  return new Component(kind, name, { version, purl, bomRef: purl });
}
