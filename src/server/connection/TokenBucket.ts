/** How often something may happen: at a steady rate, and so often at once. */

/** A bucket that starts full and fills at a steady rate. */
export class TokenBucket {
  private tokens: number

  /** `rate` is in tokens a second, `now` in milliseconds; no more than `capacity` are kept. */
  constructor(private readonly rate: number, private now: number, private readonly capacity = rate) {
    this.tokens = capacity
  }

  /** Takes a token, if there is one. */
  take(now: number): boolean {
    this.tokens = Math.min(this.capacity, this.tokens + Math.max(0, now - this.now) * this.rate / 1000)
    this.now = now
    if (this.tokens < 1) {
      return false
    }
    this.tokens--
    return true
  }
}
