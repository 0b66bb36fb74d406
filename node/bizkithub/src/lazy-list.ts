/** How many items cross the border at once. */
const PAGE = 1_000;

/** A list of any length whose items are made when they are asked for. */
export class LazyList<T> implements Iterable<T> {
  /** How many items there are. */
  readonly length: number;
  readonly #page: (begin: number, count: number) => readonly T[];

  private constructor(length: number, page: (begin: number, count: number) => readonly T[]) {
    this.length = length;
    this.#page = page;
  }

  /** @internal */
  static of<T>(length: number, page: (begin: number, count: number) => readonly T[]): LazyList<T> {
    return new LazyList(length, page);
  }

  /**
   * The item at an index, counted from 0, or from the end when it is negative.
   *
   * @param index - Which item.
   */
  at(index: number): T | undefined {
    const place = Math.trunc(index) + (index < 0 ? this.length : 0);
    return place >= 0 && place < this.length ? this.#page(place, 1)[0] : undefined;
  }

  /** All items, in an array. */
  toArray(): T[] {
    return [...this];
  }

  /** Yields every item, a page at a time. */
  *[Symbol.iterator](): Generator<T, void, undefined> {
    for (let begin = 0; begin < this.length; begin += PAGE) {
      yield* this.#page(begin, PAGE);
    }
  }
}
