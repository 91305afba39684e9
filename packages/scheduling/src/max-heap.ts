/** A binary heap over an array that it takes over; the best item is on top. */
export class MaxHeap<T> {
  readonly #items: T[];
  readonly #better: (a: T, b: T) => boolean;

  constructor(items: T[], better: (a: T, b: T) => boolean) {
    this.#items = items;
    this.#better = better;
    for (let i = (items.length >> 1) - 1; i >= 0; i--) this.#sink(i);
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  pop(): T | undefined {
    const top = this.#items[0];
    const last = this.#items.pop();
    if (last !== undefined && this.#items.length > 0) {
      this.#items[0] = last;
      this.#sink(0);
    }
    return top;
  }

  /** Call after the top has become worse. */
  sinkTop(): void {
    this.#sink(0);
  }

  #sink(start: number): void {
    const items = this.#items;
    const item = items[start];
    if (item === undefined) return;
    let at = start;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      let child = items[left];
      let childAt = left;
      if (child === undefined) break;
      const other = items[right];
      if (other !== undefined && this.#better(other, child)) {
        child = other;
        childAt = right;
      }
      if (!this.#better(child, item)) break;
      items[at] = child;
      at = childAt;
    }
    items[at] = item;
  }
}
