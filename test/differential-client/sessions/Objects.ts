/** What can be told of the client and its errors as objects, beyond what they do. */
import { session } from "../harness/Session.js"
import type { Stage } from "../harness/Stage.js"

/** The error that a call fails with, as it is. */
const failure = (stage: Stage, name: string, ...args: ReadonlyArray<unknown>): Promise<unknown> =>
  new Promise((resolve) => {
    const method = Reflect.get(stage.client, name) as (...args: ReadonlyArray<unknown>) => unknown
    if (stage.style === "callback") {
      method.call(stage.client, ...args, resolve)
    } else {
      ;(method.apply(stage.client, [...args]) as Promise<unknown>).catch(resolve)
    }
  })

const attempt = (run: () => unknown): unknown => {
  try {
    run()
    return "done"
  } catch (error) {
    return String(error)
  }
}

const noteShape = (stage: Stage, error: unknown): void => {
  stage.note("keys", Object.keys(Object(error)).toSorted())
  stage.note("class", Object(error).constructor.name)
  stage.note("as JSON", JSON.stringify(error))
  stage.note("as text", String(error))
}

export const objects = [
  session("the class of the client", async (stage) => {
    const { constructor } = stage.open()
    stage.note("static members", Object.keys(constructor).toSorted())
    stage.note(
      "called as a function",
      attempt(() => Reflect.apply(constructor, Object.create(constructor.prototype), [""]))
    )
  }),

  session("an assignment to the client's id", async (stage) => {
    const client = stage.open()
    stage.note("assigned", attempt(() => Object.assign(client, { id: "mine" })))
  }),

  session("the shape of an error", async (stage) => {
    noteShape(stage, await failure(stage, "request", "/a"))
  }),

  session("the shape of an error of JSON", async (stage) => {
    await stage.connected({ reconnect: false })
    noteShape(stage, await failure(stage, "message", 1n))
  }),

  session("connect to what is no address, once", async (stage) => {
    stage.open(undefined, "nowhere")
    await stage.call("connect", { reconnect: false })
  }),

  session("connect to what is no address, and again", async (stage) => {
    stage.open(undefined, "nowhere")
    await stage.call("connect", { delay: 20 })
    await stage.call("connect#again", { delay: 20 })
  })
]
