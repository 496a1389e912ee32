/** What an example does as a program in a terminal: it takes a port, and ends on Ctrl-C. */
import { connect } from "node:net"

/** Says why the example cannot go on, and ends it. */
export const giveUp = (reason: string): never => {
  console.error(reason)
  process.exit(1)
}

const accepts = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port }, () => resolve(true))
    socket.once("error", () => resolve(false)).once("connect", () => socket.destroy())
  })

/** Whether a program listens on a port of this machine, at either of the addresses that `localhost` may stand for. */
export const isTaken = async (port: number): Promise<boolean> =>
  (await Promise.all([accepts("127.0.0.1", port), accepts("::1", port)])).includes(true)

/** The first of `count` ports in a row, which `PORT` may name. A port that another program has ends the example. */
export const choosePort = async (command: string, usual: number, count = 1): Promise<number> => {
  const { PORT: chosen = String(usual) } = process.env
  const first = /^\d{1,5}$/.test(chosen) ? Number(chosen) : NaN
  if (!(first + count - 1 <= 65_535)) {
    return giveUp(`PORT is "${chosen}": it must be the number of a port. Try: PORT=${usual} ${command}`)
  }
  for (const port of first === 0 ? [] : Array.from({ length: count }, (_, index) => first + index)) {
    if (await isTaken(port)) {
      return giveUp(`Port ${port} is taken by another program. Choose another one: PORT=${port + 100} ${command}`)
    }
  }
  return first
}

/** Resolves at the first Ctrl-C. npm hands it on to its script, so that it comes twice in a terminal. */
export const interrupted = new Promise<void>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      resolve()
      setTimeout(() => giveUp("This takes too long: it ends now"), 10_000).unref()
    })
  }
})
