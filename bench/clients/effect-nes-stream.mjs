/** This package's Effect client: a subscription is a Stream, run element by element. */
export const connect = async () => {
  throw Object.assign(new Error("not available"), { unavailable: true })
}
