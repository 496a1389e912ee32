/** A client that is maltreated, in a process of its own: the one named by the argument. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as NesClient from "../../src/client/NesClient.js"
import { serve } from "../harness/ChildEndpoint.js"
import * as Holdings from "./Holdings.js"

/** What came of a client's calls. */
export interface Outcome {
  readonly calls: number
  /** Calls that succeeded or failed. */
  readonly ended: number
  /** How often one did that had ended before. */
  readonly again: number
}

/** The plain clients, as far as the session below uses them. */
interface Plain {
  onError: unknown
  connect(options: object, callback: () => void): unknown
  disconnect(callback: () => void): unknown
  request(options: object, callback: () => void): unknown
  message(message: unknown, callback: () => void): unknown
  subscribe(path: string, handler: () => void, callback: () => void): unknown
  unsubscribe(path: string, handler: null, callback: () => void): unknown
  reauthenticate(auth: unknown, callback: () => void): unknown
}

type Constructor = new(url: string, options: object) => Plain

const timeout = 300
const ignore = (): void => {}

const loadPlain = async (name: string): Promise<Constructor> => {
  const module = await import(name === "Client" ? new URL("../../src/client.ts", import.meta.url).href : name) as {
    readonly Client: Constructor
  }
  return module.Client
}

const playPlain = async (Client: Constructor, url: string): Promise<Outcome> => {
  const client = new Client(url, { timeout })
  client.onError = ignore
  let calls = 0
  let ended = 0
  let again = 0
  const call = (start: (callback: () => void) => unknown): Promise<void> => {
    calls++
    let isOver = false
    return new Promise((resolve) =>
      start(() => {
        if (isOver) {
          again++
        } else {
          isOver = true
          ended++
        }
        resolve()
      })
    )
  }
  await Promise.race([
    call((done) => client.connect({ reconnect: false, timeout }, done)),
    new Promise((resolve) => setTimeout(resolve, 2 * timeout))
  ])
  await Promise.race([
    Promise.all([
      call((done) => client.subscribe("/o", ignore, done)),
      call((done) => client.subscribe("/item/1", ignore, done)),
      call((done) => client.request({ path: "/item/1", method: "GET" }, done)),
      call((done) => client.request({ path: "/echo", method: "POST", payload: { a: 1 } }, done)),
      call((done) => client.message("hi", done)),
      call((done) => client.reauthenticate("token", done)),
      call((done) => client.unsubscribe("/o", null, done))
    ]),
    new Promise((resolve) => setTimeout(resolve, 3 * timeout))
  ])
  await Promise.race([
    call((done) => client.disconnect(done)),
    new Promise((resolve) => setTimeout(resolve, 10 * timeout))
  ])
  return { calls, ended, again }
}

const playEffect = (url: string): Promise<Outcome> =>
  Effect.gen(function*() {
    const client = yield* NesClient.make({ url, timeout, connectTimeout: timeout, connect: false, reconnect: false })
    let ended = 0
    const call = <A, E>(effect: Effect.Effect<A, E>) =>
      Effect.exit(effect).pipe(Effect.tap(() => Effect.sync(() => void ended++)))
    yield* Effect.forkChild(Stream.runDrain(client.updates))
    yield* Effect.forkChild(Stream.runDrain(client.events))
    yield* call(client.connect())
    const subscription = call(
      Stream.runDrain(client.subscribe("/o").pipe(Stream.interruptWhen(Effect.sleep(2 * timeout))))
    )
    yield* Effect.all([
      subscription,
      call(client.request("/item/1")),
      call(client.request({ path: "/echo", method: "POST", payload: { a: 1 } })),
      call(client.message("hi")),
      call(client.reauthenticate("token"))
    ], { concurrency: "unbounded" })
    yield* call(client.disconnect)
    return { calls: 7, ended, again: 0 }
  }).pipe(
    Effect.scoped,
    Effect.timeoutOrElse({
      duration: 15 * timeout,
      orElse: () => Effect.succeed({ calls: 7, ended: 0, again: 0 })
    }),
    Effect.runPromise
  )

const subject = process.argv[2] ?? "Client"
const Plain = subject === "NesClient" ? undefined : await loadPlain(subject)

serve({
  play: (url) => Plain === undefined ? playEffect(url as string) : playPlain(Plain, url as string),
  holdings: () => Holdings.take()
})
