/** Arguments of the command line, as commander reads them. */
import { parseQuantity } from '@spillway/core';
import { InvalidArgumentError } from 'commander';

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
  };
}

export function quantity(text: string): string {
  try {
    parseQuantity(text);
    return text;
  } catch {
    throw new InvalidArgumentError('Expected a Kubernetes quantity, such as 4, 500m or 4Gi.');
  }
}

export function nameOf(text: string): string {
  if (/^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/.test(text)) return text;
  throw new InvalidArgumentError('Expected up to 40 lower-case letters, digits and "-".');
}
