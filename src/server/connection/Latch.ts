/** Something that happens once, and can be waited for. */

/** Opens once; whoever waits, before or after, goes on. */
export class Latch {
  open: () => void = () => {}
  readonly wait: Promise<void> = new Promise((resolve) => {
    this.open = resolve
  })
}
