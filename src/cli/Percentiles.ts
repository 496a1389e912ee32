/** Durations, and which of them most stay below. */

/** A summary, in milliseconds. */
export interface Summary {
  readonly count: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

const rounded = (milliseconds: number): number => Math.round(milliseconds * 100) / 100

/** Sums durations up; the `n`-th percentile is the smallest that is not below `n` percent of all. */
export const summarize = (durations: ReadonlyArray<number>): Summary => {
  const sorted = Float64Array.from(durations).toSorted()
  const at = (share: number): number => rounded(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0)
  return { count: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
}

/** A summary in words. */
export const words = ({ count, max, p50, p95, p99 }: Summary): string =>
  `${count}: p50 ${p50} ms, p95 ${p95} ms, p99 ${p99} ms, max ${max} ms`
