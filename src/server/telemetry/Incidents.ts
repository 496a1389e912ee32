/** What was refused, and what failed, of late: kept from when somebody begins to look. */

/** Nothing that an application or a client has written is in it: either might quote credentials. */
interface Incident {
  /** When (ms since the epoch). */
  readonly at: number
  readonly kind: string
  readonly socket?: string | undefined
  readonly address?: string | undefined
  /** Whom the proxy names, where there is one. */
  readonly forwarded?: string | undefined
  /** The limit that was crossed, the setting that refused, or the class and code of the error. */
  readonly reason?: string | undefined
  readonly path?: string | undefined
}

// How many are kept.
const room = 100

const nameOf = (error: unknown): string | undefined => {
  if (!(error instanceof Error)) {
    return undefined
  }
  const { cause, code } = error as { readonly cause?: unknown; readonly code?: unknown }
  return typeof code === "string" && /^[A-Z][A-Z_]{2,31}$/.test(code) ? code : nameOf(cause) ?? error.constructor.name
}

export class Incidents {
  /** Present once somebody looks. */
  private kept: Array<Incident> | undefined

  constructor(private readonly now: () => number) {}

  get areKept(): boolean {
    return this.kept !== undefined
  }

  /** The last ones, oldest first; they are kept from the first call on. */
  get all(): ReadonlyArray<Incident> {
    return (this.kept ??= [])
  }

  note(incident: Omit<Incident, "at">): void {
    const { kept } = this
    if (kept && kept.push({ at: this.now(), ...incident }) > room) {
      kept.shift()
    }
  }

  /** Notes what is told to the application's log, if it is a failure. */
  logged(tags: ReadonlyArray<string>, data: unknown, socket: string | undefined): void {
    if (this.kept && tags.includes("error")) {
      this.note({ kind: tags.filter((tag) => tag !== "nes").join(" "), socket, reason: nameOf(data) })
    }
  }
}
