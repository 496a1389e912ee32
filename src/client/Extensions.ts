/** What is built on more of a client than its calls. */
import type { Session } from "./Session.js"

const sessions = new WeakMap<object, Session>()

/** A client is made of a session. */
export const keepSession = (client: object, session: Session): void => {
  sessions.set(client, session)
}

/** What a client is made of. */
export const sessionOf = (client: object): Session => {
  const session = sessions.get(client)
  if (session === undefined) {
    throw new Error("This NesClient was not made by `NesClient.make` or one of its Layers")
  }
  return session
}
