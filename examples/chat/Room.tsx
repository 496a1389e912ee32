/** A room: what has been said, who is there, and a line to write. */
import { type FormEvent, useEffect, useReducer, useState } from "react"
import { useClient, useIsConnected } from "../recipes/react/Nes.js"
import type { Present, Said } from "./contract.js"

const people = (present: ReadonlyArray<string>, told: Present): ReadonlyArray<string> => {
  if ("users" in told) {
    return told.users.map(({ id }) => id)
  }
  if ("join" in told) {
    return [...present.filter((id) => id !== told.join.id), told.join.id]
  }
  return "leave" in told ? present.filter((id) => id !== told.leave.id) : present
}

const said = (messages: ReadonlyArray<Said>, message: Said): ReadonlyArray<Said> =>
  [...messages, message].slice(-200)

const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "short" })

export const Room = ({ name, node, path }: { readonly name: string; readonly node: number; readonly path: string }) => {
  const client = useClient()
  const isConnected = useIsConnected()
  const [messages, hear] = useReducer(said, [])
  const [present, tell] = useReducer(people, [])
  const [text, setText] = useState("")
  const [problem, setProblem] = useState("")

  useEffect(() => {
    const failed = (error: Error): void => setProblem(error.message)
    const heard = (message: Said): void => hear(message)
    const told = (presence: Present): void => tell(presence)
    client.subscribe(path, heard, { history: 50 }).catch(failed)
    client.subscribe(`${path}/presence`, told).catch(failed)
    return () => {
      void client.unsubscribe(path, heard)
      void client.unsubscribe(`${path}/presence`, told)
    }
  }, [client, path])

  const send = async (event: FormEvent): Promise<void> => {
    event.preventDefault()
    try {
      await client.request({ method: "POST", path, payload: { text } })
      setText("")
      setProblem("")
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    }
  }

  return (
    <main>
      <header>
        <h1>Chat</h1>
        <p role="status">{isConnected ? `${name}, at node ${node}` : "reconnecting"}</p>
        <a href="logout">Log out</a>
      </header>
      <div className="room">
        <section aria-labelledby="said">
          <h2 id="said">What has been said</h2>
          <div role="log" aria-label="Messages"><ol>
            {messages.map(({ at, from, node, text }, index) => (
              <li key={`${at} ${index}`}>
                <time dateTime={new Date(at).toISOString()}>{clock.format(at)}</time>
                <b>{from}</b> <span title={`by node ${node}`}>{text}</span>
              </li>
            ))}
          </ol></div>
        </section>
        <section aria-labelledby="present">
          <h2 id="present">Who is here</h2>
          <ul aria-label="People">{present.map((id) => <li key={id}>{id}</li>)}</ul>
        </section>
      </div>
      <form onSubmit={(event) => void send(event)}>
        <label htmlFor="text">Message</label>
        <input id="text" value={text} maxLength={500} autoComplete="off" onChange={({ target }) => setText(target.value)} />
        <button type="submit" aria-disabled={!isConnected || text.trim() === ""}>Send</button>
        <p role="alert">{problem}</p>
      </form>
    </main>
  )
}
