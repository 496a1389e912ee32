/** The procedures that are called, and what answers them. */
import * as Effect from "effect/Effect"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcClient from "effect/rpc/RpcClient"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

export const group = RpcGroup.make(
  Rpc.make("Get", {
    payload: { id: Schema.Number },
    success: Schema.Struct({ id: Schema.Number, status: Schema.String })
  }),
  Rpc.make("Count", { payload: { to: Schema.Number }, success: Schema.Number, stream: true })
)

/** Values of a Stream that one call yields, ten to a message. */
export const length = 1000

export const handlers = group.toLayer({
  Get: ({ id }) => Effect.succeed({ id, status: "complete" }),
  Count: ({ to }) => Stream.rechunk(Stream.range(1, to), 10)
})

/** A client of the bench on a protocol: `Get` is one call, `Count` a whole Stream. */
export const clientOn = async (protocol) => {
  const scope = Scope.makeUnsafe()
  const client = await Effect.runPromise(
    Scope.provide(
      Effect.flatMap(
        protocol,
        (protocol) => Effect.provideService(RpcClient.make(group), RpcClient.Protocol, protocol)
      ),
      scope
    )
  )
  const call = {
    Get: client.Get({ id: 5 }),
    Count: Effect.map(
      Stream.runFold(client.Count({ to: length }), () => 0, (count) => count + 1),
      (count) => ({ id: 5, status: count === length ? "complete" : `only ${count}` })
    )
  }
  return { request: async (path) => ({ statusCode: 200, payload: await Effect.runPromise(call[path]) }) }
}
