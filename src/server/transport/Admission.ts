/** Who may upgrade: asked before a WebSocket is made of the request, from the cheapest question to the dearest. */
import type { IncomingMessage } from "node:http"
import { upgradeRefusals } from "../../protocol/ErrorTexts.js"
import { interrupt, isPromiseLike, type Owner } from "../Awaitable.js"
import type { Deadlines } from "../connection/Deadlines.js"
import * as Errors from "../conversation/Errors.js"
import type { NodeContext } from "../NodeContext.js"
import type { Refused } from "../telemetry/Metrics.js"

const originOf = ({ headers }: IncomingMessage): unknown =>
  headers["sec-websocket-version"] === "8" ? headers["sec-websocket-origin"] : headers.origin

const isStatus = (u: unknown): u is number => Number.isInteger(u) && Number(u) >= 400 && Number(u) <= 599

/** Of an IPv6 address the network: who has one address of it has all. */
export const networkOf = (address: string): string => {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "")
  if (!plain.includes(":")) {
    return plain
  }
  const [first, ...rest] = plain.split("::").map((part) => part.split(":").filter((group) => group !== ""))
  const last = rest.flat()
  const zeros = Array.from({ length: 8 - (first?.length ?? 0) - last.length }, () => "0")
  return [...first ?? [], ...zeros, ...last].slice(0, 4).join(":")
}

/** Lets upgrade requests in. Each answer is `undefined`, or the HTTP status that refuses. */
export class Admission {
  private readonly connections = new Map<string, number>()

  constructor(
    private readonly context: NodeContext,
    private readonly deadlines: Deadlines<() => void>,
    private readonly isStopping: () => boolean
  ) {}

  readonly admit = (request: IncomingMessage): number | undefined | Promise<number | undefined> => {
    const { settings: { hooks: { verifyUpgrade }, origin }, settle } = this.context
    // A load balancer asks the next node at once.
    if (this.isStopping()) {
      return this.refuse("stopping", request)
    }
    if (origin && !origin.some((allowed) => allowed === originOf(request))) {
      return this.refuse("origin", request)
    }
    if (!verifyUpgrade) {
      return undefined
    }
    const { headers, socket: { remoteAddress: address }, url = "/" } = request
    try {
      const work: Owner = { work: undefined }
      const verdict = settle(verifyUpgrade({ address, headers, url }), work)
      return isPromiseLike(verdict)
        ? this.inTime(request, work, verdict).then(
          (verdict) => this.judge(request, verdict),
          (error) => this.fail(request, error)
        )
        : this.judge(request, verdict)
    } catch (error) {
      return this.fail(request, error)
    }
  }

  /** Whether there is room for one more of its address, at the moment it comes in. */
  readonly room = (request: IncomingMessage): number | undefined => {
    const { maxConnectionsPerAddress } = this.context.settings
    const { remoteAddress } = request.socket
    return maxConnectionsPerAddress < Infinity && remoteAddress !== undefined &&
        (this.connections.get(networkOf(remoteAddress)) ?? 0) >= maxConnectionsPerAddress
      ? this.refuse("maxConnectionsPerAddress", request)
      : undefined
  }

  count(address: string | undefined, change: 1 | -1): void {
    if (address !== undefined && this.context.settings.maxConnectionsPerAddress < Infinity) {
      const network = networkOf(address)
      const connections = (this.connections.get(network) ?? 0) + change
      if (connections > 0) {
        this.connections.set(network, connections)
      } else {
        this.connections.delete(network)
      }
    }
  }

  /** Counts and logs one who is not let in; returns the status that says so. */
  refuse(reason: keyof Refused, request: IncomingMessage, status?: unknown): number {
    const { log, metrics } = this.context
    metrics.totals.connectionsRefused++
    metrics.refused[reason]++
    log.refused(reason, request)
    return isStatus(status) ? status : upgradeRefusals[reason]
  }

  private judge(request: IncomingMessage, verdict: unknown): number | undefined {
    return verdict === true ? undefined : this.refuse("verifyUpgrade", request, verdict)
  }

  private fail(request: IncomingMessage, error: unknown): number {
    const { statusCode } = Errors.ofHook("verifyUpgrade", error, this.context.application.log).output
    return this.refuse("verifyUpgrade", request, statusCode)
  }

  private inTime({ socket }: IncomingMessage, work: Owner, verdict: PromiseLike<unknown>): Promise<unknown> {
    // Nobody reads from the socket yet: that it ends is seen by looking, which takes nothing from it.
    const look = (): void => void socket.read(0)
    return new Promise((resolve, reject) => {
      const expire = (): void => {
        settled()
        resolve(503)
        interrupt(work)
      }
      const settled = (): void => {
        this.deadlines.clear(expire)
        socket.off("readable", look).off("end", expire).off("close", expire)
      }
      this.deadlines.set(expire)
      socket.on("readable", look).on("end", expire).on("close", expire)
      void Promise.resolve(verdict).finally(settled).then(resolve, reject)
    })
  }
}
