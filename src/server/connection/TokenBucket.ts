/**
 * How many messages may come: so many a second, of which a second's worth may come at once.
 *
 * @since 0.1.0
 */

/**
 * A bucket that starts full and fills at a steady rate.
 *
 * @since 0.1.0
 * @category models
 */
export class TokenBucket {
  private tokens: number

  /** `rate` is in tokens a second, and no more than that are kept; `now` in milliseconds. */
  constructor(private readonly rate: number, private now: number) {
    this.tokens = rate
  }

  /** Takes a token, if there is one. */
  take(now: number): boolean {
    this.tokens = Math.min(this.rate, this.tokens + Math.max(0, now - this.now) * this.rate / 1000)
    this.now = now
    if (this.tokens < 1) {
      return false
    }
    this.tokens--
    return true
  }
}
