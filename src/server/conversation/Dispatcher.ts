/** From an incoming text to the answer: the conversation of wire protocol 2.4, in interop.md's order of checks. */
import * as Boom from "@hapi/boom"
import * as Result from "effect/Result"
import * as CloseCode from "../../protocol/CloseCode.js"
import * as Codec from "../../protocol/Codec.js"
import { answers, textOf } from "../../protocol/ErrorTexts.js"
import type * as Message from "../../protocol/Message.js"
import { parentOf, withoutQuery } from "../../protocol/Tracing.js"
import type { Request, Response, Route } from "../Application.js"
import { type Awaitable, Call, isPromiseLike } from "../Awaitable.js"
import type { Arrived, Connection, Opening, Received } from "../connection/Connection.js"
import type { Lifetimes } from "../connection/Lifetimes.js"
import { getOrMake } from "../Groups.js"
import type { NodeContext } from "../NodeContext.js"
import type { Hub } from "../subscription/Hub.js"
import { socketId } from "../telemetry/Log.js"
import { received, requestDuration } from "../telemetry/Metrics.js"
import { type Rules, TurnLimiter } from "../transport/Intake.js"
import type { Authenticator } from "./Authenticator.js"
import { errorAnswer } from "./ErrorAnswer.js"
import * as Errors from "./Errors.js"
import * as RequestHead from "./RequestHead.js"
import * as Weight from "./Weight.js"

type Answerable = { readonly type: string; readonly id: Message.Id }

/** An answer's text, unless it has been, or will be, written by itself. */
type Text = string | undefined | Promise<string | undefined>

// Of a long text, until it is needed.
const unknown = -1

// A heartbeat is shorter.
const shortText = 64

// Messages of a connection that is refused which are still told why.
const maxRefusals = 64

// An error about one of the paths of a hello says which.
class PathRefused extends Error {
  constructor(readonly path: string, override readonly cause: unknown) {
    super()
  }
}

// What the server knows beyond the protocol, for clients that know it too.
const extensions = ["cancel", "http", "rpc", "trace"]

// What clients know of these is much the same: it takes memory once, not for each.
const sets = new Map<string, ReadonlySet<string>>()

// Of no use to a client that does not know them: it may not send them either.
const extensionOf: Readonly<Record<string, string>> = { cancel: "cancel", rpc: "rpc", ack: "rpc" }

// To clients that know of it: the answer to what they have taken back.
const cancelled = ({ id, type }: Answerable): string =>
  JSON.stringify({
    type,
    id,
    statusCode: answers.cancelled[0],
    payload: { error: "Client Closed Request", message: textOf(answers.cancelled) }
  })

// A path may be named as what every object has.
const ownOf = <A>(record: Readonly<Record<string, A>> | null | undefined, path: string): A | undefined =>
  record && Object.hasOwn(record, path) ? record[path] : undefined

const spanAttributes = ({ id }: Connection, path: string | undefined): Readonly<Record<string, unknown>> => ({
  ...(path !== undefined && { "nes.path": withoutQuery(path) }),
  [socketId]: id
})

const isAuthorization = ([name, value]: readonly [name: string, value: unknown]): boolean =>
  name.toLowerCase() === "authorization" && value !== null

const encodeResponse = (
  id: Message.Id,
  { body, json, payload, statusCode }: Response,
  headers: Readonly<Record<string, unknown>> | undefined
): string => {
  if (json === undefined) {
    return JSON.stringify({ type: "request", id, statusCode, payload, headers, body })
  }
  const kind = body === undefined ? "" : `,"body":"${body}"`
  const tail = headers === undefined ? kind : `,"headers":${JSON.stringify(headers)}${kind}`
  return `{"type":"request","id":${JSON.stringify(id)},"statusCode":${statusCode},"payload":${json}${tail}}`
}

// A message waits for what is being decided about its connection, and for a client that is behind.
const isFree = ({ gate, lag }: Connection): boolean => gate === undefined && lag === undefined

// Whoever was refused, or is being disconnected, does nothing more, however slow they are to close.
const isHeard = (connection: Connection): boolean => connection.stage !== "refused" && connection.isOpen

export class Dispatcher implements Rules<Received, Connection> {
  /** In which messages have their turns. */
  readonly turns: TurnLimiter<Received, Connection>

  constructor(
    private readonly hub: Hub,
    private readonly context: NodeContext,
    private readonly authenticator: Authenticator,
    private readonly lifetimes: Lifetimes
  ) {
    this.turns = new TurnLimiter(context.turns, this)
  }

  /** Takes what a connection has sent; returns what is to have its turn of it: its answer follows on the connection. */
  readonly receive = (connection: Connection, text: string | Buffer): Received | undefined => {
    const { alive, opening } = connection
    connection.alive = true
    if (!isHeard(connection) || connection.tooMany("messages")) {
      return undefined
    }
    if (typeof text !== "string") {
      return text
    }
    if (opening && connection.stage === "new") {
      // Few may come before a hello, and it is to be known at once whether one has come.
      const arrived = this.decode(text)
      return this.chatters(connection, opening, arrived) ? undefined : { text, arrived, weight: unknown }
    }
    if (this.mayBeDeep(text)) {
      return { text, arrived: undefined, weight: unknown }
    }
    if (connection.extensions && (connection.inbox || !this.fits(connection, text))) {
      // What would wait for others may be what ends them.
      const arrived = this.decode(text)
      const isTold = !("error" in arrived) && this.knows(connection, arrived.type) && this.signal(connection, arrived)
      return isTold ? undefined : { text, arrived, weight: unknown }
    }
    if (!alive && text.length <= shortText && connection.inbox === undefined && isFree(connection)) {
      // The first since the last heartbeat is probably the answer to it, as from all others in this turn.
      const arrived = this.decode(text)
      const isBeat = !("error" in arrived) && arrived.type === "ping" && !this.isDue(connection)
      return isBeat ? undefined : { text, arrived, weight: unknown }
    }
    return text
  }

  readonly failed = (connection: Connection, error: unknown): void => {
    this.context.application.log(["nes", "connection", "error"], error, connection)
    connection.abandon(CloseCode.internalError)
  }

  wake(connection: Connection): void {
    this.turns.wake(connection)
  }

  mayBegin(connection: Connection, message: Received): boolean {
    return isFree(connection) && this.fits(connection, message)
  }

  isWaiting(connection: Connection, message: Received): boolean {
    return isFree(connection) && !this.fits(connection, message)
  }

  isCrowded(connection: Connection, waiting: number, length: number): boolean {
    const { maxInFlight, maxInFlightBytes } = this.context.settings.limits
    return isFree(connection) && (connection.processing + waiting > maxInFlight || length > maxInFlightBytes)
  }

  lengthOf(message: Received): number {
    return typeof message === "string" || Buffer.isBuffer(message) ? message.length : message.text.length
  }

  private decode(text: string): Arrived {
    const arrived = Codec.decodeEnvelope(text)
    const { totals } = this.context.metrics
    totals[("error" in arrived ? undefined : received.get(arrived.type)) ?? "receivedOther"]++
    totals.bytesReceived += Buffer.byteLength(text)
    return arrived
  }

  // Whoever sends many messages before a hello is heard no more.
  private chatters(connection: Connection, opening: Opening, arrived: Arrived): boolean {
    opening.saidHello ||= !("error" in arrived) && arrived.type === "hello"
    return !opening.saidHello && ++opening.early > this.context.settings.limits.maxHelloMessages &&
      connection.breaks("maxHelloMessages", "Too many messages before hello")
  }

  /** To be called when a connection has closed, or is refused: what still waits is not begun any more. */
  forget(connection: Connection): ReadonlyArray<Received> {
    connection.gate = undefined
    return this.turns.forget(connection)
  }

  verify(connection: Connection): void {
    if (this.isDue(connection) && connection.stage === "ready" && connection.gate === undefined) {
      void this.verifyOne(connection)
    }
  }

  // Whether its credentials have to be verified before anything else is answered.
  private isDue({ verifyAt }: Connection): boolean {
    return verifyAt !== undefined && Number(this.context.clock.monotonicTimeNanosUnsafe()) >= verifyAt
  }

  // Whether there is memory for a message beside those being answered. One that is too deep takes none: it is refused.
  private fits({ processing, weight }: Connection, message: Received): boolean {
    if (processing === 0) {
      return true
    }
    const more = this.weigh(message)
    return more === Infinity || weight + more <= this.context.settings.limits.maxInFlightBytes
  }

  private weigh(message: Received): number {
    if (typeof message === "string" || Buffer.isBuffer(message)) {
      return Weight.most * message.length
    }
    if (message.weight === unknown) {
      const { text } = message
      message.weight = this.mayBeDeep(text)
        ? Weight.of(text, this.context.settings.limits.maxDepth)
        : Weight.most * text.length
    }
    return message.weight
  }

  // Every level takes two characters.
  private mayBeDeep(text: string): boolean {
    return text.length > 2 * this.context.settings.limits.maxDepth
  }

  begin(connection: Connection, message: Received): void {
    // It may have waited longer than its connection was heard.
    if (!isHeard(connection)) {
      return
    }
    if (Buffer.isBuffer(message)) {
      connection.pong(message)
      return
    }
    const arrived = this.read(message)
    const isVerified = typeof message !== "string" && message.isVerified
    const isDue = !("error" in arrived) && !isVerified && this.isDue(connection)
    if (!("error" in arrived) && !isDue && this.isSignal(connection, arrived)) {
      return
    }
    const { settings: { limits } } = this.context
    const weight = this.weigh(message)
    const text = typeof message === "string" ? message : message.text
    const inFlight = connection.processing + connection.streams
    if (inFlight >= limits.maxInFlight && (typeof message === "string" || !message.isLate)) {
      // Those of this turn may have been answered by the next.
      this.turns.putOff(connection, { text, arrived, weight, isLate: true })
    } else if (inFlight >= limits.maxInFlight) {
      this.exceed("maxInFlight", connection, arrived)
    } else if (connection.streams > 0 && this.isCallTooMuch(connection, arrived, weight)) {
      this.exceed("maxInFlightBytes", connection, arrived)
    } else if (!("error" in arrived) && weight === Infinity) {
      this.context.exceed("maxDepth", connection)
      this.answerError(connection, errorAnswer("tooDeep"), arrived)
    } else if (isDue) {
      this.turns.putBack(connection, { text, arrived, weight, isVerified: true })
      void this.verifyOne(connection)
    } else {
      this.answer(connection, arrived, "error" in arrived ? 0 : weight)
    }
  }

  // A Stream may last: what would have to wait for it is refused.
  private isCallTooMuch({ streaming }: Connection, arrived: Arrived, weight: number): boolean {
    return !("error" in arrived) && arrived.type === "rpc" && weight !== Infinity &&
      streaming + weight > this.context.settings.limits.maxInFlightBytes
  }

  // What is not answered is not in flight: it is what lets others end.
  private isSignal(connection: Connection, envelope: Codec.Envelope): boolean {
    const { type } = envelope
    if (type !== "ping" && !(type in extensionOf && this.knows(connection, type))) {
      return false
    }
    this.signal(connection, envelope)
    return type !== "rpc"
  }

  // Tells a call under way what its client says of it; returns whether there is one.
  private signal(connection: Connection, { id, type }: Codec.Envelope): boolean {
    const { served } = this.context.procedures
    if (type === "cancel") {
      const call = connection.calls?.get(id)
      call?.cancel()
      return served?.cancel(connection, id) === true || call !== undefined
    }
    return type === "ack" && served?.ack(connection, id) === true
  }

  private knows(connection: Connection, type: string): boolean {
    const extension = Object.hasOwn(extensionOf, type) ? extensionOf[type] : undefined
    return extension !== undefined && connection.extensions?.has(extension) === true
  }

  refuse(connection: Connection, message: Received): void {
    if (isHeard(connection) && !Buffer.isBuffer(message)) {
      const { maxInFlightBytes } = this.context.settings.limits
      const limit = (connection.inbox?.length ?? 0) + this.lengthOf(message) > maxInFlightBytes
        ? "maxInFlightBytes"
        : "maxInFlight"
      this.exceed(limit, connection, this.read(message))
    }
  }

  private exceed(limit: "maxInFlight" | "maxInFlightBytes", connection: Connection, arrived: Arrived): void {
    this.context.exceed(limit, connection)
    this.answerError(connection, errorAnswer("inFlightTooMany"), arrived)
  }

  private read(message: Exclude<Received, Buffer>): Arrived {
    return typeof message === "string" ? this.decode(message) : message.arrived ?? this.decode(message.text)
  }

  private close(connection: Connection): void {
    connection.gate ??= { withheld: [], withheldLength: 0 }
  }

  // What has waited is begun in order, each in its turn; what arrives meanwhile waits behind it.
  private open(connection: Connection): void {
    if (isHeard(connection)) {
      connection.gate = undefined
      this.turns.wake(connection)
    } else {
      this.forget(connection)
    }
  }

  // Of a connection whose credentials no longer hold, whatever waits is refused.
  private async verifyOne(connection: Connection): Promise<void> {
    this.close(connection)
    try {
      const verify = (): Promise<void> => this.authenticator.verify(connection)
      await (this.context.tracing?.inSpan(undefined, verify) ?? verify())
    } catch (error) {
      for (const message of this.forget(connection).slice(0, maxRefusals)) {
        if (!Buffer.isBuffer(message)) {
          this.answerError(connection, error, this.read(message))
        }
      }
      return
    }
    this.open(connection)
  }

  // At once, if nothing has to be waited for.
  private answer(connection: Connection, arrived: Arrived, weight: number): void {
    connection.began(weight)
    try {
      if ("error" in arrived) {
        throw Boom.badRequest(arrived.error.message)
      }
      const text = this.process(connection, arrived, weight)
      if (text instanceof Promise) {
        void this.answerLater(connection, arrived, weight, text)
        return
      }
      this.write(connection, text)
    } catch (error) {
      this.answerError(connection, error, arrived)
    }
    connection.answered(weight)
  }

  private answerLater(
    connection: Connection,
    arrived: Arrived,
    weight: number,
    text: Promise<string | undefined>
  ): Promise<void> {
    return text.then((text) => this.write(connection, text)).then(() => this.ended(connection, weight), (error) => {
      this.answerError(connection, error, arrived)
      this.ended(connection, weight)
    })
  }

  private ended(connection: Connection, weight: number): void {
    connection.answered(weight)
    this.turns.wake(connection)
  }

  private write(connection: Connection, text: string | undefined): void {
    if (text !== undefined) {
      this.context.metrics.totals.sentAnswer++
      connection.answer(connection.outgoing(text))
    }
  }

  private answerError(connection: Connection, error: unknown, request: Errors.Quoted): void {
    const [cause, path] = error instanceof PathRefused ? [error.cause, error.path] : [error, undefined]
    const [statusCode = 500, text] = this.encodeError(cause, request, path)
    this.context.metrics.totals.sentError++
    connection.answer(connection.outgoing(text))
    const { opening } = connection
    if (opening && connection.stage === "new" && request.type === "hello") {
      opening.saidHello = false
      connection.greeted(false)
    }
    // Faults of the server's do not count against a client.
    if (statusCode < 500) {
      connection.tooMany("errors")
    }
  }

  // The payload of an application's error may be anything.
  private encodeError(
    error: unknown,
    request: Errors.Quoted,
    path: string | undefined
  ): readonly [statusCode: number | undefined, text: string] {
    try {
      const answer = Errors.toAnswer(error, this.context.settings.headers, request, path)
      return [answer.statusCode, JSON.stringify(answer)]
    } catch {
      return this.encodeError(this.unserialisable(request), request, path)
    }
  }

  private process(connection: Connection, envelope: Codec.Envelope, weight: number): Text {
    if (envelope.type === "ping") {
      return undefined
    }
    if (envelope.type !== "hello" && connection.stage === "new") {
      throw errorAnswer("notInitialized")
    }
    if (envelope.type === "hello" && connection.stage !== "new") {
      throw errorAnswer("alreadyInitialized")
    }
    if (Object.hasOwn(extensionOf, envelope.type) && !this.knows(connection, envelope.type)) {
      throw errorAnswer("typeUnknown")
    }
    const message = Result.getOrThrowWith(Codec.decodeFields(envelope), (error) => Boom.badRequest(error.message))
    const { settings: { limits }, tracing } = this.context
    // A request has its own, with the name of its method; a call of a procedure has that of `effect/rpc`.
    return tracing === undefined || message.type === "request" || message.type === "rpc"
      ? this.handle(connection, message, weight)
      : Promise.resolve(tracing.span(
        `nes.${message.type}`,
        {
          kind: "server",
          // What is about to be refused for its length is not to be kept until it is exported.
          attributes: spanAttributes(
            connection,
            "path" in message ? message.path.slice(0, limits.maxPathLength) : undefined
          ),
          parent: "traceparent" in message ? parentOf(message.traceparent) : undefined
        },
        () => this.handle(connection, message, weight)
      ))
  }

  private handle(connection: Connection, message: Message.ClientMessage, weight: number): Text {
    switch (message.type) {
      case "ping":
      case "cancel":
      case "ack":
        return undefined
      case "rpc":
        return this.rpc(connection, message, weight)
      case "hello":
        connection.stage = "greeting"
        this.close(connection)
        return this.hello(connection, message)
      case "reauth":
        this.close(connection)
        return this.reauth(connection, message)
      case "request":
        return this.cancellable(connection, message, (call) => this.request(connection, message, call))
      case "message":
        return this.cancellable(connection, message, (call) => this.message(connection, message, call))
      case "sub":
        return this.sub(connection, message)
      case "unsub":
        return this.unsub(connection, message)
    }
  }

  // Its answer is written by itself: what was kept for it follows at once, and then what has waited. Most are answered
  // at once.
  private hello(connection: Connection, message: Message.Hello): Promise<undefined> | undefined {
    this.lifetimes.hello.clear(connection)
    try {
      if (message.subs) {
        this.checkSubs(connection, message.subs)
      }
      const authenticating = this.authenticator.authenticate(connection, message)
      if (authenticating || message.subs || this.context.settings.hooks.onConnection) {
        return this.introduce(connection, message, authenticating)
      }
      this.welcome(connection, message, undefined)
      return undefined
    } catch (error) {
      throw this.turnedAway(connection, error)
    }
  }

  private async introduce(
    connection: Connection,
    message: Message.Hello,
    authenticating: Promise<unknown> | undefined
  ): Promise<undefined> {
    try {
      if (authenticating) {
        await authenticating
      }
      if (this.context.settings.hooks.onConnection) {
        await this.greet(connection)
      }
      this.welcome(connection, message, message.subs ? await this.subscribeAll(connection, message) : undefined)
    } catch (error) {
      throw this.turnedAway(connection, error)
    }
  }

  private welcome(connection: Connection, message: Message.Hello, positions: Message.Positions | undefined): void {
    if (connection.isOpen) {
      const { heartbeat } = this.context.settings
      const known = message.extensions && extensions.filter((name) => message.extensions?.includes(name))
      const shared = known?.length ? known : undefined
      const text = this.encode(message, {
        type: "hello",
        id: message.id,
        heartbeat,
        socket: connection.id,
        positions,
        extensions: shared
      })
      connection.extensions = shared && getOrMake(sets, shared.join(), () => new Set(shared))
      connection.catchUp()
      connection.stage = "ready"
      connection.greeted(true)
      this.hub.greeted(connection)
      this.write(connection, text)
      connection.release()
      this.context.log.lives?.connected(connection)
    }
    this.open(connection)
  }

  private turnedAway(connection: Connection, error: unknown): unknown {
    connection.stage = "refused"
    connection.greeted(false)
    this.hub.dismiss(connection)
    this.forget(connection)
    this.lifetimes.refusal.set(connection)
    return error
  }

  private checkSubs(connection: Connection, paths: ReadonlyArray<string>): void {
    const { exceed, settings: { limits } } = this.context
    if (paths.length > limits.maxHelloSubs) {
      exceed("maxHelloSubs", connection)
      throw errorAnswer("subsTooMany")
    }
    for (const path of paths) {
      this.checkPath(connection, path)
    }
  }

  private checkPath(connection: Connection, path: string): void {
    const { exceed, settings: { limits } } = this.context
    if (path.length > limits.maxPathLength) {
      exceed("maxPathLength", connection, path)
      throw errorAnswer("pathTooLong")
    }
  }

  private async greet(connection: Connection): Promise<void> {
    const { onConnection } = this.context.settings.hooks
    const { opening } = connection
    if (onConnection && opening && connection.isOpen) {
      opening.greeting = Promise.resolve(this.run("onConnection", connection, () => onConnection(connection)))
      try {
        await opening.greeting
      } finally {
        opening.greeting = undefined
      }
    }
  }

  // What a hook answers at once is answered at once: what has been sent together is answered in that order.
  private run<A>(name: string, connection: Connection, hook: () => Awaitable<A>, call?: Call): A | Promise<A> {
    const { application, settle } = this.context
    const failed = (error: unknown): never => {
      throw call?.departed ? error : Errors.ofHook(name, error, application.log, connection)
    }
    try {
      const answer = call ? settle(hook(), connection, call) : settle(hook(), connection)
      return isPromiseLike(answer) ? Promise.resolve(answer).catch(failed) : answer
    } catch (error) {
      return failed(error)
    }
  }

  // Where the client stands on the paths with recovery: what it missed goes out behind the answer.
  private async subscribeAll(
    connection: Connection,
    { history, presence, recover, subs }: Message.Hello
  ): Promise<Message.Positions | undefined> {
    const positions: Array<readonly [string, Message.Position]> = []
    for (const path of subs ?? []) {
      if (!connection.isOpen) {
        return undefined
      }
      const since = ownOf(recover, path)
      const wanted = ownOf(history, path)
      try {
        const position = await this.hub.subscribe(connection, path, since, wanted, ownOf(presence, path) ?? undefined)
        if (position) {
          // What was missed, and the last updates, follow.
          const before = Math.min(wanted ?? 0, this.context.settings.limits.maxHistory)
          positions.push([path, since ?? { ...position, offset: Math.max(0, position.offset - before) }])
        }
      } catch (error) {
        throw new PathRefused(path, error)
      }
    }
    return positions.length > 0 ? Object.fromEntries(positions) : undefined
  }

  // Answered when all has come of it: what the client may not hear any more, it has been told by then.
  private async reauth(connection: Connection, message: Message.Reauth): Promise<undefined> {
    try {
      for (const path of await this.authenticator.authenticate(connection, message) ?? []) {
        const revoke: Message.Revoke = { type: "revoke", path }
        connection.write(connection.outgoing(JSON.stringify(revoke)))
        this.context.metrics.totals.sentRevoke++
      }
      this.context.procedures.served?.reauthenticated(connection)
      this.write(connection, this.encode(message, { type: "reauth", id: message.id }))
      this.open(connection)
    } catch (error) {
      connection.refuse()
      this.hub.dismiss(connection)
      this.forget(connection)
      throw error
    }
  }

  private async request(connection: Connection, message: Message.Request, call?: Call): Promise<string> {
    const { metrics, settings } = this.context
    const began = performance.now()
    if (message.headers && Object.entries(message.headers).some(isAuthorization)) {
      throw errorAnswer("authorizationHeader")
    }
    this.checkPath(connection, message.path)
    const { method, path } = message.path.startsWith("/")
      ? { method: RequestHead.methodOf(message.method), path: message.path }
      : this.lookup(message.path)
    const head = RequestHead.make(connection, method, path, message.headers)
    this.checkPath(connection, head.path)
    const { http, payload } = message
    const response = await this.ask(connection, { ...head, payload: payload ?? undefined, ...(http && { http }) }, call)
    if (metrics.own) {
      requestDuration.updateUnsafe(performance.now() - began, metrics.own)
    }
    const headers = settings.headers === null ? undefined : Errors.visibleHeaders(response.headers, settings.headers)
    const type = response.body && response.headers["content-type"]
    try {
      return encodeResponse(message.id, response, type === undefined ? headers : { ...headers, "content-type": type })
    } catch {
      throw this.unserialisable(message)
    }
  }

  private ask(connection: Connection, request: Request, call?: Call): Response | PromiseLike<Response> {
    const { application, settle, tracing } = this.context
    if (tracing === undefined) {
      const answer = application.request(connection, request, call)
      return answer instanceof Promise ? answer : settle(answer)
    }
    const { headers, method, path } = request
    return tracing.span(
      `nes.request ${method}`,
      {
        kind: "server",
        attributes: { "http.request.method": method, ...spanAttributes(connection, path) },
        parent: parentOf(headers.traceparent)
      },
      (traceparent) =>
        settle(application.request(connection, { ...request, headers: { ...headers, traceparent } }, call))
    )
  }

  // What the client takes back is ended, and counts as no error.
  private cancellable(
    connection: Connection,
    message: Message.Request | Message.Custom,
    work: (call: Call | undefined) => string | Promise<string>
  ): string | Promise<string> {
    if (!connection.extensions?.has("cancel")) {
      return work(undefined)
    }
    const { id } = message
    const call = new Call()
    const calls = connection.calls ??= new Map()
    calls.set(id, call)
    const ended = (): void => {
      if (calls.get(id) === call) {
        calls.delete(id)
      }
    }
    const begin = async (): Promise<string> => work(call)
    return begin().then((text) => {
      ended()
      return call.departed ? cancelled(message) : text
    }, (error: unknown) => {
      ended()
      if (call.departed) {
        return cancelled(message)
      }
      throw error
    })
  }

  private async rpc(connection: Connection, message: Message.Rpc, weight: number): Promise<undefined> {
    const { served } = this.context.procedures
    if (!served) {
      throw errorAnswer("noMessages")
    }
    if (message.headers?.some(isAuthorization)) {
      throw errorAnswer("authorizationHeader")
    }
    const headers = Object.entries(RequestHead.headersOf(connection, message.headers))
    await served.call(connection, { ...message, headers }, weight)
    return undefined
  }

  private lookup(id: string): Route {
    const route = this.context.application.lookup(id)
    if (!route) {
      throw errorAnswer("routeUnknown")
    }
    if (route.method === "*") {
      throw errorAnswer("routeHasNoMethod")
    }
    return route
  }

  private message(
    connection: Connection,
    { id, message, type }: Message.Custom,
    call?: Call
  ): string | Promise<string> {
    const { onMessage } = this.context.settings.hooks
    if (!onMessage) {
      throw errorAnswer("noMessages")
    }
    const answered = (answer: unknown): string => this.encode({ id, type }, { type: "message", id, message: answer })
    const answer = this.run("onMessage", connection, () => onMessage(connection, message), call)
    return answer instanceof Promise ? answer.then(answered) : answered(answer)
  }

  private sub(connection: Connection, message: Message.Sub): string | Promise<string> {
    const { history, id, path, presence, recover } = message
    this.checkPath(connection, path)
    const subscribed = (): string => {
      const position = this.hub.keeps ? this.hub.recovery?.position(connection, path) : undefined
      return this.encode(message, position ? { type: "sub", id, path, position } : { type: "sub", id, path })
    }
    const refused = (error: unknown): never => {
      throw new PathRefused(path, error)
    }
    try {
      const entry = this.hub.subscribe(connection, path, recover, history, presence ?? undefined)
      if (entry instanceof Promise) {
        return entry.then(subscribed, refused)
      }
    } catch (error) {
      return refused(error)
    }
    return subscribed()
  }

  private unsub(connection: Connection, message: Message.Unsub): string | Promise<string> {
    const gone = (): string => this.encode(message, { type: "unsub", id: message.id })
    return this.hub.unsubscribe(connection, message.path)?.then(gone) ?? gone()
  }

  private encode(request: Answerable, answer: Message.Answer): string {
    try {
      return JSON.stringify(answer)
    } catch {
      throw this.unserialisable(request)
    }
  }

  private unserialisable(request: Errors.Quoted): Boom.Boom {
    this.context.application.log(["nes", "serialization", "error"], request.type)
    return errorAnswer("unserialisable")
  }
}
