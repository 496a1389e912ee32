/** Whether anybody for whom the application does something has been let in by it. */

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** How many turns greetings take, one after the other. */
const durations = [0, 1, 3, 8, 20]
/** Of so many the last is refused; who comes first, and behaves, never is. */
const refusals = 7

export class GateWatch {
  /** How often something was done for who had not been let in. */
  passed = 0
  private greeted = 0
  private readonly welcome = new WeakSet()

  /** To be called by `onConnection`; whether the socket is let in. */
  async greet(socket: object): Promise<boolean> {
    const n = this.greeted++
    for (let turns = durations[n % durations.length] ?? 0; turns > 0; turns--) {
      await turn()
    }
    if (n % refusals === refusals - 1) {
      return false
    }
    this.welcome.add(socket)
    return true
  }

  /** To be called wherever something is done for a socket. */
  see(socket: object | null): void {
    if (socket !== null && !this.welcome.has(socket)) {
      this.passed++
    }
  }
}
