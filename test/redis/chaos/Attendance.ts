/** Who is in a room: by what is so, by the word of every node, and by what clients make of what they are told. */
import { setTimeout as sleep } from "node:timers/promises"
import type { Client } from "../../../src/client.js"

export const room = "/room/1"

/** How long all may take to agree, in ms: far above the lease of a node and the grace of a client. */
const patience = 20_000

export interface Told {
  readonly users?: ReadonlyArray<{ readonly id: string }>
  readonly join?: { readonly id: string }
  readonly leave?: { readonly id: string }
}

/** What a client makes of what it is told. Who has left does not come back: whoever does all the same has flapped. */
export class Watcher {
  readonly flaps: Array<string> = []
  private readonly known = new Set<string>()
  private readonly left = new Set<string>()

  get present(): ReadonlyArray<string> {
    return [...this.known]
  }

  readonly hear = ({ join, leave, users }: Told): void => {
    if (users) {
      const names = new Set(users.map(({ id }) => id))
      this.present.filter((name) => !names.has(name)).forEach((name) => this.drop(name))
      names.forEach((name) => this.add(name))
    }
    if (join) {
      this.add(join.id)
    }
    if (leave) {
      this.drop(leave.id)
    }
  }

  private add(name: string): void {
    this.known.add(name)
    if (this.left.delete(name)) {
      this.flaps.push(name)
    }
  }

  private drop(name: string): void {
    this.known.delete(name)
    this.left.add(name)
  }
}

const differing = (a: ReadonlySet<string>, b: ReadonlySet<string>): number =>
  [...a].filter((each) => !b.has(each)).length + [...b].filter((each) => !a.has(each)).length

/** Some stay; of the guests one comes in each round, and the one before leaves while things happen. */
export class Attendance {
  readonly watchers: Array<Watcher> = []
  private readonly guests: Array<Client> = []
  private guest = ""
  /** Who was present by each word when they came to rest. */
  lists: ReadonlyArray<ReadonlyArray<string>> = []

  constructor(
    private readonly staying: ReadonlyArray<string>,
    private readonly invite: (name: string) => Promise<Client>
  ) {}

  watcher(): Watcher {
    const watcher = new Watcher()
    this.watchers.push(watcher)
    return watcher
  }

  async come(round: number): Promise<void> {
    this.guest = `guest${round}`
    const guest = await this.invite(this.guest)
    this.guests.push(guest)
    await guest.subscribe(room, () => {})
  }

  /** With a word, or without. */
  async leave(politely: boolean): Promise<void> {
    for (const guest of this.guests.splice(0, this.guests.length - 1)) {
      if (politely) {
        await guest.unsubscribe(room, null).catch(() => {})
      }
      await guest.disconnect()
    }
  }

  /** Waits until all agree with what is so; returns in how many entries they do not. */
  async agree(nodes: () => ReadonlyArray<Promise<ReadonlyArray<string>>>): Promise<number> {
    const deadline = Date.now() + patience
    const truth = new Set([...this.staying, this.guest])
    for (;;) {
      const lists = [...await Promise.all(nodes()), ...this.watchers.map(({ present }) => present)]
      const wrong = lists.reduce((sum, list) => sum + differing(truth, new Set(list)), 0)
      if (wrong === 0 || Date.now() > deadline) {
        this.lists = lists
        return wrong
      }
      await sleep(20)
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.guests.map((guest) => guest.disconnect()))
  }
}
