/** Something that happens once, and can be waited for. */

/** Opens once; whoever waits, before or after, goes on. */
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
