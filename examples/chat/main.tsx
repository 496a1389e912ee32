/** The page of the chat: it logs the socket in with the session's cookie, and shows a room. */
import { Client } from "effect-nes/client"
import { createRoot } from "react-dom/client"
import { NesProvider } from "../recipes/react/Nes.js"
import { Room } from "./Room.js"

const client = new Client(location.origin)
client.onError = null
await fetch("/nes/auth")
const { name, node } = await (await fetch("/me")).json() as { readonly name: string; readonly node: number }

createRoot(document.getElementById("root") as HTMLElement).render(
  <NesProvider client={client}>
    <Room path="/chat/lobby" name={name} node={node} />
  </NesProvider>
)
