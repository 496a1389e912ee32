/**
 * The clients under comparison. All are used through one narrow view of the documented API, so that a session's script
 * is the same for each.
 */
import { WebSocket } from "ws"

/** The client as a session uses it: the documented members, without trusting what a peer's types say of them. */
export interface PeerClient {
  id: unknown
  onError: (error: unknown) => void
  onConnect: () => void
  onDisconnect: (willReconnect: unknown, log: unknown) => void
  onUpdate: (message: unknown) => void
  onHeartbeatTimeout: (willReconnect: unknown) => void
  subscriptions(): ReadonlyArray<string>
  overrideReconnectionAuth(auth: unknown): unknown
}

/** How its methods report: by Promise, or by a callback as the last argument. */
export type Style = "promise" | "callback"

/** A client constructor and the style in which it is driven. */
export interface Peer {
  readonly style: Style
  readonly Client: new(url: string, options?: object) => PeerClient
}

/** `@hapi/nes` 14 knows Promises only, `nes` 6.5.2 callbacks only; ours is driven in both styles. */
export type PeerName = "nes14" | "nes6" | "ours-promise" | "ours-callback"

const load = async (specifier: string): Promise<Peer["Client"]> => {
  const module: { readonly Client?: Peer["Client"]; readonly default?: { readonly Client: Peer["Client"] } } =
    await import(specifier)
  const Client = module.Client ?? module.default?.Client
  if (Client === undefined) {
    throw new Error(`${specifier} exports no Client`)
  }
  return Client
}

/** Loads a peer; all use the same WebSocket implementation. */
export const loadPeer = async (name: PeerName): Promise<Peer> => {
  switch (name) {
    case "nes14":
      return { style: "promise", Client: await load("@hapi/nes") }
    case "nes6": {
      // Its own ws, of 2017, reports closes in ways of its own (1000 for a close without a code). On today's, what differs
      // is the client.
      const Client = await load("nes")
      Object.assign(Client, { WebSocket })
      return { style: "callback", Client }
    }
    case "ours-promise":
      return { style: "promise", Client: await load("../../../src/client.js") }
    case "ours-callback":
      return { style: "callback", Client: await load("../../../src/client.js") }
  }
}
