/** What comes from the server, and whom it is for. */
import * as Result from "effect/Result"
import * as Codec from "../protocol/Codec.js"
import type * as Message from "../protocol/Message.js"
import { type NesError, ProtocolError, ServerError } from "../protocol/NesError.js"
import * as Thrown from "../protocol/Thrown.js"
import type { Observer } from "./Observer.js"
import { hasMore, none, type Pending } from "./Pending.js"
import type { Subscriptions } from "./Subscriptions.js"

const answers: ReadonlySet<string | undefined> = new Set([
  "hello",
  "reauth",
  "request",
  "message",
  "sub",
  "unsub",
  "rpc"
])

const isText = (u: unknown): u is string => typeof u === "string" && u !== ""

const serverError = ({ headers, path, payload, statusCode }: Message.Answer): ServerError => {
  const { error, message } = Object(payload) as { readonly error?: unknown; readonly message?: unknown }
  return new ServerError({
    message: isText(message) ? message : isText(error) ? error : "Error",
    statusCode: statusCode ?? 500,
    data: payload,
    headers,
    path
  })
}

/** Hands every message on by plain calls: answers to their calls, updates to their listeners. */
export class Inbox {
  /** Set when the application has left: who waits for an answer gets it, and nobody hears the rest. */
  isLate = false

  constructor(
    private readonly pending: Pending,
    private readonly subscriptions: Subscriptions,
    private readonly observer: Pick<Observer, "gap" | "revoked" | "update">,
    private readonly owner: { ping(): void; error(error: NesError): void }
  ) {}

  /** Takes a whole text. */
  receive(text: string): void {
    if (!this.isLate && this.subscriptions.deliverText(text, this.thrown)) {
      return
    }
    const decoded = Codec.decodeServerMessage(text)
    if (this.isLate && !(Result.isSuccess(decoded) && answers.has(decoded.success.type))) {
      return
    }
    if (Result.isFailure(decoded)) {
      const { failure } = decoded
      const call = failure.id === undefined ? undefined : this.pending.take(failure.id)
      call?.answered(new ProtocolError({ message: "Received invalid response", cause: failure }), none)
      this.owner.error(failure)
      return
    }
    const message = decoded.success
    switch (message.type) {
      case "ping":
        this.owner.ping()
        this.lost(message as Message.Ping)
        return
      case "update":
        this.observer.update(message.message)
        return
      case "pub":
        this.subscriptions.deliver(message as Message.Pub, this.thrown)
        return
      case "revoke":
        this.revoked(message as Message.Revoke)
        return
      default:
        this.answered(message)
    }
  }

  private revoked(message: Message.Revoke): void {
    if (this.subscriptions.revoke(message, this.thrown)) {
      this.observer.revoked(message.path)
    }
  }

  private lost({ gaps }: Message.Ping): void {
    if (gaps !== undefined) {
      for (const [path, position] of Object.entries(gaps)) {
        if (this.subscriptions.gap(path, position)) {
          this.observer.gap(path)
        }
      }
    }
  }

  private answered(answer: Message.Answer): void {
    const call = this.pending.take(answer.id)
    if (call === undefined) {
      if (!this.pending.wasForgotten(answer.id, hasMore(answer))) {
        this.owner.error(new ProtocolError({ message: "Received response for unknown request" }))
      }
      return
    }
    const isError = answer.statusCode !== undefined && answer.statusCode >= 400
    if (answers.has(answer.type) && (isError || answer.type === call.draft.type)) {
      if (isError) {
        call.answered(serverError(answer), answer)
        return
      }
      if (hasMore(answer)) {
        // Its time goes on when it is ready for more.
        this.pending.add(Number(answer.id), call, false)
      }
      call.answered(undefined, answer)
      return
    }
    call.answered(new ProtocolError({ message: "Received invalid response" }), none)
    this.owner.error(new ProtocolError({ message: `Received unknown response type: ${answer.type}` }))
  }

  private readonly thrown = (cause: unknown): void => this.owner.error(Thrown.toUserError(cause))
}
