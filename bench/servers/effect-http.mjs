/** This package's Effect server without hapi: the place is kept until the package has it. */
export const start = async () => {
  throw Object.assign(new Error("not available"), { unavailable: true })
}
