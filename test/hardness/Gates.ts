/** What an application does for sockets that it should not: for those it has not let in, and what it does for nobody. */

interface Visitor {
  readonly auth: { readonly isAuthenticated: boolean; readonly credentials: object | null }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** How many turns greetings take, one after the other. */
const durations = [0, 1, 3, 8, 20]
/** Of so many the last is refused; who comes first, and behaves, never is. */
const refusals = 7

export class Gates {
  /** What was done though it should not have been; the first few. */
  readonly passed: Array<string> = []
  readonly #admitted = new WeakSet<Visitor>()
  #greeted = 0

  /** `required`: who is let in is authenticated, too. */
  constructor(private readonly required: boolean) {}

  /** To be called by `onConnection`; whether the socket is let in. Who is `banned` never is. */
  async greet(socket: Visitor): Promise<boolean> {
    const n = this.#greeted++
    for (let turns = durations[n % durations.length] ?? 0; turns > 0; turns--) {
      await turn()
    }
    const { credentials } = socket.auth
    if (n % refusals === refusals - 1 || (credentials && "user" in credentials && credentials.user === "banned")) {
      return false
    }
    this.#admitted.add(socket)
    return true
  }

  /** To be called whenever something is done for a socket. */
  enter(what: string, socket: Visitor): void {
    if (!this.#admitted.has(socket)) {
      this.pass(`${what} before it was let in`)
    } else if (this.required && !socket.auth.isAuthenticated) {
      this.pass(`${what} without credentials`)
    }
  }

  /** To be called by what nobody may reach. */
  pass(what: string): void {
    if (this.passed.length < 100) {
      this.passed.push(what)
    }
  }
}
