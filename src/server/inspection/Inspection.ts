/** What a node tells an operator of itself, when asked: nothing is kept for it but the last incidents. */
import type { Server } from "node:http"
import type { Server as SecureServer } from "node:https"
import { hostname } from "node:os"
import type { Answers, Membership } from "../Broker.js"
import type { Connection } from "../connection/Connection.js"
import type { NodeContext } from "../NodeContext.js"
import type { Hub } from "../subscription/Hub.js"

export type Question =
  | { readonly type: "overview" }
  /** `ranges` says which of those that match are wanted of a node: from which on, and how many. */
  | {
    readonly type: "connections"
    readonly search: string
    readonly path: string | undefined
    readonly ranges: Readonly<Record<string, readonly [from: number, count: number]>>
  }
  | { readonly type: "connection"; readonly id: string }
  | { readonly type: "paths"; readonly search: string }
  | { readonly type: "send"; readonly id: string; readonly text: string }

type Row = ReturnType<typeof row>

export interface Matches {
  readonly matched: number
  readonly rows: ReadonlyArray<Row>
}

export interface Followed {
  readonly path: string
  readonly subscribers: number
}

export interface Paths {
  readonly declared: ReadonlyArray<Followed & { readonly has: ReadonlyArray<string> }>
  readonly paths: ReadonlyArray<Followed>
}

const maxLength = 256

export const maxPaths = 200

const short = (text: string | undefined): string | undefined => text?.slice(0, maxLength)

// A user that is an object is told by nothing: there may be more in it than a name.
const userOf = ({ user }: Connection): string | undefined =>
  user === undefined ? undefined : typeof user === "string" && !user.startsWith("\0") ? short(user) : "(an object)"

const row = (connection: Connection) => ({
  id: connection.id,
  user: userOf(connection),
  address: connection.info.remoteAddress,
  forwarded: short(connection.info["x-forwarded-for"]),
  stage: connection.stage,
  subscriptions: connection.subscriptions.size,
  buffered: connection.bufferedBytes,
  answering: connection.processing
})

const holds = (text: string | undefined, search: string): boolean =>
  text !== undefined && text.toLowerCase().includes(search)

const matches = (connection: Connection, search: string): boolean =>
  search === "" || holds(connection.id, search) || holds(userOf(connection), search) ||
  holds(connection.info.remoteAddress, search) || holds(connection.info["x-forwarded-for"], search)

export class Inspection {
  /** Takes the upgrades of operators' sockets wherever the node takes others'; returns how to stop. */
  attach: ((server: Server | SecureServer, answered?: boolean) => () => void) | undefined
  /** Closes the sockets of operators: whoever waits for the node to stop may wait for them too. */
  close: () => Promise<void> = () => Promise.resolve()

  constructor(
    private readonly id: string,
    private readonly hub: Hub,
    private readonly context: NodeContext,
    private readonly membership: Membership
  ) {
    // From now on they are kept.
    void context.incidents.all
  }

  async ask(question: Question): Promise<Answers> {
    return await this.membership.ask?.(question) ??
      { answers: new Map([[this.id, await this.answer(question)]]), silent: [] }
  }

  /** Answers a question, of this node or another. Long lists are gone through in slices. */
  async answer(question: Question): Promise<unknown> {
    switch (question.type) {
      case "overview":
        return this.overview()
      case "connections":
        return this.connections(question.search.toLowerCase(), question.path, question.ranges[this.id])
      case "connection":
        return this.connection(question.id)
      case "paths":
        return this.paths(question.search.toLowerCase())
      case "send": {
        const connection = this.hub.connections.get(question.id)
        return connection?.send("update", `{"type":"update","message":${question.text}}`).then(() => true) ?? false
      }
    }
  }

  private overview() {
    const { hub, membership, context: { incidents, metrics } } = this
    const { exceeded, refused, totals } = metrics
    return {
      process: `${hostname()}:${process.pid}`,
      serves: !hub.stopped,
      uptime: process.uptime(),
      memory: process.memoryUsage.rss(),
      totals,
      exceeded,
      refused,
      ...metrics.measured,
      broker: membership.health?.(),
      incidents: incidents.all
    }
  }

  private async connections(
    search: string,
    path: string | undefined,
    [from, count]: readonly [from: number, count: number] = [0, 0]
  ): Promise<Matches> {
    const all = path === undefined ? this.hub.connections : this.subscribers(path)
    // How many there are is known, unless each has to be looked at.
    const isCounted = search === ""
    const rows: Array<Row> = []
    let matched = 0
    await this.context.turns.each(isCounted && count === 0 ? [].values() : all.keys(), (connection) => {
      if (matches(connection, search)) {
        if (matched >= from && rows.length < count) {
          rows.push(row(connection))
        }
        matched++
      }
    })
    return { matched: isCounted ? all.size : matched, rows }
  }

  private connection(id: string) {
    const connection = this.hub.connections.get(id)
    return connection && {
      ...row(connection),
      isAuthenticated: connection.auth.isAuthenticated,
      strategy: connection.auth.strategy,
      isSlow: connection.lag !== undefined,
      paths: Array.from(connection.subscriptions.keys()).slice(0, maxPaths)
    }
  }

  private async paths(search: string): Promise<Paths> {
    const found: Array<Followed> = []
    const declared: Array<Paths["declared"][number]> = []
    for (const [, subscription] of this.hub.router.declared) {
      let total = 0
      await this.context.turns.each(subscription.followed(), ([path, subscribers]) => {
        total += subscribers
        if (search === "" || holds(path, search)) {
          found.push({ path, subscribers })
        }
      })
      const { presence, recovery, snapshot, state } = subscription.options
      declared.push({
        path: subscription.path,
        subscribers: total,
        has: Object.entries({ recovery, state, snapshot, presence }).flatMap(([name, is]) => is ? [name] : [])
      })
    }
    return { declared, paths: found.toSorted(byNumber).slice(0, maxPaths) }
  }

  private subscribers(path: string) {
    return this.hub.router.match(path)?.subscribers(path) ?? new Map<Connection, never>()
  }
}

export const byNumber = (a: Followed, b: Followed): number => b.subscribers - a.subscribers
