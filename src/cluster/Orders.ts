/** Revocations and disconnections: kept for nodes that are cut off, and confirmed by every node they concern. */
import type * as Message from "../protocol/Message.js"
import type { Disconnect, Revoke } from "../server/Command.js"
import * as Epoch from "../server/recovery/Epoch.js"
import { single } from "./Batches.js"
import * as ClusterCodec from "./ClusterCodec.js"
import type { Kept } from "./Engine.js"
import type { Host } from "./Host.js"
import { atMost, Waiting } from "./Timer.js"

export type Order = Revoke | Disconnect

/** Where orders are kept: it begins with no slash, as paths do. */
export const path = "orders"

// A node that is away for longer has closed its connections, or reads all there is.
const bounds = { size: 10_000, age: 24 * 60 * 60 * 1_000 }

// How long the nodes' confirmations are waited for (ms).
const patience = 2_000

// How long hooks of a revocation may hold up the next order (ms).
const hookGrace = 500

// Orders that are given when the engine is back, at most.
const maxUnsent = 1_000

const reaches = (done: Message.Position | undefined, { epoch, offset }: Message.Position): boolean =>
  done !== undefined && done.epoch === epoch && done.offset >= offset

const concerns = ({ target }: Order, node: string): boolean => "user" in target || ownerOf(target.socket) === node

/** The node that has a socket, by its id. */
export const ownerOf = (socket: string): string => socket.slice(0, socket.lastIndexOf(":"))

export class Orders {
  /** Up to where this node has carried all out. */
  done: Message.Position | undefined
  /** Whether something is to be read that could not be. */
  isBehind = false
  /** What it is to do, one after another: a revocation before the disconnection that follows it. */
  private work: Promise<unknown> = Promise.resolve()
  /** Those of this node that could not be kept, in words: what cannot be put into words never can. */
  private readonly unsent: Array<string> = []
  /** What other nodes have confirmed last, and who waits for more. */
  private readonly confirmed = new Map<string, Message.Position>()
  private readonly waiting: Waiting

  constructor(private readonly host: Host) {
    this.waiting = new Waiting(host.after, patience)
  }

  /** Has an order carried out by the nodes it concerns; ends when they have confirmed, fails when that is not known. */
  async give(order: Order): Promise<void> {
    const { host } = this
    const payload = ClusterCodec.encode(host.node.id, order)
    const position = await this.keep(payload).catch((error: unknown) => {
      if (this.unsent.length < maxUnsent) {
        this.unsent.push(payload)
      }
      throw error
    })
    const silent = async (): Promise<ReadonlyArray<string>> =>
      (await host.peers())
        .filter(({ done, node }) =>
          node !== host.node.id && concerns(order, node) && !reaches(done, position) &&
          !reaches(this.confirmed.get(node), position)
        )
        .map(({ node }) => node)
    const first = await silent()
    await this.waiting.until(() => first.every((node) => reaches(this.confirmed.get(node), position)))
    // Whoever has left meanwhile, or whose confirmation got lost.
    const rest = first.length === 0 ? first : await silent()
    if (rest.length > 0) {
      throw new Error(`Not confirmed by ${rest.join(", ")}: whoever was cut off carries it out when it is back`)
    }
  }

  heard(from: string, order: Order, position: Message.Position): void {
    this.next(() => this.follow(from, order, position)).catch(ignore)
  }

  /** Carries out what this node has missed; fails if that cannot be known for now. */
  catchUp(): Promise<void> {
    return this.next(() => this.read())
  }

  /** Gives the orders that could not be given; fails if they cannot be for now. */
  readonly resend = single(async () => {
    for (let payload = this.unsent[0]; payload; payload = this.unsent[0]) {
      await this.keep(payload)
      this.unsent.shift()
    }
  })

  answered(node: string, position: Message.Position): void {
    this.confirmed.set(node, position)
    this.waiting.changed()
  }

  left(node: string): void {
    this.confirmed.delete(node)
  }

  private async keep(payload: string): Promise<Message.Position> {
    const [position] = await this.host.session().append([{ path, payloads: [payload], state: 0 }], bounds)
    if (!position || position instanceof Error) {
      throw position ?? new Error("Not answered")
    }
    return position
  }

  private next(run: () => Promise<void>): Promise<void> {
    const work = this.work.then(run)
    this.work = work.catch(ignore)
    return work
  }

  private async follow(from: string, order: Order, position: Message.Position): Promise<void> {
    const { done } = this
    if (done && position.offset === done.offset + 1 && Epoch.continues(done, position.epoch)) {
      await this.execute(from, order)
      this.reached(position, new Set([from]))
    } else if (!reaches(done, position)) {
      await this.read()
    }
  }

  private async read(): Promise<void> {
    try {
      const kept = await this.host.session().read(path, this.done, bounds)
      this.isBehind = false
      await this.carryOut(kept)
    } catch (error) {
      this.isBehind = true
      throw error
    }
  }

  private async carryOut({ entries, epoch, start, top }: Kept): Promise<void> {
    const { done } = this
    const from = !done ? top : Epoch.continues(done, epoch) ? done.offset : Epoch.unseen(done, epoch, start)
    const givers = new Set<string>()
    for (const entry of entries) {
      try {
        const { from: giver, position, said } = ClusterCodec.decode(entry)
        if (position && position.offset > from && (said.type === "revoke" || said.type === "disconnect")) {
          givers.add(giver)
          await this.execute(giver, said)
        }
      } catch (error) {
        this.host.node.log(["nes", "broker", "error"], error)
      }
    }
    this.reached({ epoch, offset: top }, givers)
  }

  // What this node has ordered itself it has done at once. A peer that does not close, or a hook that does not end,
  // holds up nothing.
  private execute(from: string, order: Order): Promise<void> {
    if (from === this.host.node.id) {
      return Promise.resolve()
    }
    const carrying = this.host.node.deliver(order).catch((error: unknown) =>
      this.host.node.log(["nes", "broker", "error"], error)
    )
    return order.type === "disconnect" ? Promise.resolve() : atMost(this.host.after, hookGrace, carrying)
  }

  private reached(position: Message.Position, givers: ReadonlySet<string>): void {
    this.done = position
    for (const giver of givers) {
      if (giver !== this.host.node.id) {
        const payload = ClusterCodec.encode(this.host.node.id, { type: "done", position })
        Promise.resolve().then(() => this.host.session().publish("node", giver, payload)).catch(ignore)
      }
    }
  }
}

const ignore = (): void => {}
