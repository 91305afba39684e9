import { describe, expect, test } from 'vitest';
import { Doorkeeper } from './doorkeeper.ts';

interface Caller {
  readonly name: string;
}

const bounds = { callersMax: 6, placesKept: 2, memberAddressesMax: 2 };
const site = '192.0.2.1';

function callers(prefix: string, count: number): Caller[] {
  return Array.from({ length: count }, (_, i) => ({ name: `${prefix}-${i}` }));
}

/** A door where a member has come from each of `addresses` before. */
function doorKnowing(...addresses: readonly string[]): Doorkeeper<Caller> {
  const door = new Doorkeeper<Caller>(bounds);
  for (const address of addresses) {
    const member = { name: `member of ${address}` };
    door.enter(member, address);
    door.proven(member);
  }
  return door;
}

describe('doorkeeper', () => {
  test('takes nobody’s place while there are free ones', () => {
    const door = doorKnowing(site);
    for (const caller of callers('a', 6)) expect(door.enter(caller, site)).toBeUndefined();
    expect(door.size).toBe(6);
  });

  test('when full, the one without progress for longest loses its place', () => {
    const door = doorKnowing(site);
    const [first, second, third, ...rest] = callers('a', 6);
    for (const caller of [first, second, third, ...rest]) door.enter(caller!, site);
    door.progressed(first!);
    expect(door.enter({ name: 'next' }, site)).toBe(second);
    expect(door.enter({ name: 'one more' }, site)).toBe(third);
    expect(door.size).toBe(6);
  });

  test('a member that makes progress gets in through a flood from its own address', () => {
    const door = doorKnowing(site);
    const member = { name: 'member' };
    const lost: (Caller | undefined)[] = [];
    const flood = (): void => {
      for (const caller of callers('flood', 5)) lost.push(door.enter(caller, site));
    };
    flood();
    lost.push(door.enter(member, site));
    for (let step = 0; step < 3; step++) {
      flood();
      door.progressed(member);
    }
    expect(lost).not.toContain(member);
    expect(door.size).toBe(6);
  });

  test('a flood from one address takes no place of another', () => {
    const door = doorKnowing(site, 'elsewhere');
    const other = { name: 'other' };
    door.enter(other, 'elsewhere');
    const lost = callers('flood', 50).map((caller) => door.enter(caller, site));
    expect(lost).not.toContain(other);
    expect(lost.filter(Boolean)).toHaveLength(45);
  });

  test('a flood from many addresses leaves the places that are kept for addresses of members', () => {
    const door = doorKnowing(site);
    for (const caller of callers('flood', 50)) door.enter(caller, caller.name);
    expect(door.size).toBe(4);
    for (const caller of callers('member', 2)) expect(door.enter(caller, site)).toBeUndefined();
    expect(door.size).toBe(6);
  });

  test('a newcomer from an unknown address gets a place even when strangers hold all of theirs', () => {
    const door = doorKnowing(site);
    const flood = callers('flood', 4);
    for (const caller of flood) door.enter(caller, 'crowd');
    expect(door.enter({ name: 'newcomer' }, 'unknown')).toBe(flood[0]);
  });

  test('forgets the address whose member came first, beyond its bound', () => {
    const door = doorKnowing('first', 'second', 'third');
    for (const caller of callers('flood', 4)) door.enter(caller, 'crowd');
    expect(door.enter({ name: 'of the third' }, 'third')).toBeUndefined();
    expect(door.enter({ name: 'of the first' }, 'first')).toBeDefined();
  });

  test('who has left counts no more, and leaves only once', () => {
    const door = doorKnowing();
    const [only] = callers('a', 1);
    door.enter(only!, site);
    door.leave(only!);
    door.leave(only!);
    door.progressed(only!);
    expect(door.size).toBe(0);
  });
});
