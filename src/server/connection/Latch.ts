/**
 * Something that happens once, and can be waited for.
 *
 * @since 0.1.0
 */

/**
 * Opens once; whoever waits, before or after, goes on.
 *
 * @since 0.1.0
 * @category models
 */
export class Latch {
  private release: (() => void) | undefined
  private readonly opened: Promise<void> = new Promise((resolve) => {
    this.release = resolve
  })

  /** Ends when it opens. */
  get wait(): Promise<void> {
    return this.opened
  }

  open(): void {
    this.release?.()
  }
}
