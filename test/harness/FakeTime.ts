/** Vitest's fake time, for what is measured by Effect's monotonic clock, too: that reads what `process.hrtime` was. */
import { onTestFinished, vi } from "vitest"

type Faked = NonNullable<Parameters<typeof vi.useFakeTimers>[0]>["toFake"]

/** Until the test is over; `vi.setSystemTime` sets the wall clock alone. */
export const fakeTime = (...toFake: NonNullable<Faked>): void => {
  const monotonic = vi.spyOn(process.hrtime, "bigint")
  vi.useFakeTimers({ toFake: ["Date", "hrtime", ...toFake] })
  const { hrtime } = process
  monotonic.mockImplementation(() => hrtime.bigint())
  onTestFinished(() => {
    monotonic.mockRestore()
    vi.useRealTimers()
  })
}
