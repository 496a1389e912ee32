import type { Patience } from "./Patience.js"

/** Items that one side produces and the other awaits, in order. */
export class Queue<Item> {
  private readonly items: Array<Item> = []
  private readonly takers: Array<(item: Item) => void> = []

  constructor(private readonly patience: Patience) {}

  /** How many items wait to be taken. */
  get length(): number {
    return this.items.length
  }

  push(item: Item): void {
    const taker = this.takers.shift()
    if (taker === undefined) {
      this.items.push(item)
    } else {
      taker(item)
    }
  }

  /** The next item; `undefined` when none comes in time. */
  async take(): Promise<Item | undefined> {
    const item = this.items.shift()
    if (item !== undefined) {
      return item
    }
    return await new Promise((resolve) => {
      const taker = (item: Item) => {
        stop()
        resolve(item)
      }
      this.takers.push(taker)
      const stop = this.patience.guard(() => {
        this.takers.splice(this.takers.indexOf(taker), 1)
        resolve(undefined)
      })
    })
  }
}
