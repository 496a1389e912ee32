/** What is built on more of a client than its calls, and whether the server at the other end has it. */
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

/** Whether the server at the other end has an extension. */
export const offers = ({ extensions }: Session, name: string): boolean =>
  Array.isArray(extensions) && extensions.includes(name)
