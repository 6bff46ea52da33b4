/**
 * The checkers' own arithmetic of majorities. They must not ask the product's: a server that counts
 * wrongly would be judged by its own mistake.
 */

/** The fewest of `count` that are more than half of them. */
export function moreThanHalf(count: number): number {
  return (count - (count % 2)) / 2 + 1;
}
