/** A server component: it asks hapi's routes in this process, and leaves what changes to a client component. */
import { Live } from "./Live"

export const dynamic = "force-dynamic"

export default async function Page() {
  const { result } = await globalThis.hapi.inject("/api/item/5")
  return (
    <main>
      <p id="server">{`the server says ${result.status}`}</p>
      <Live />
    </main>
  )
}
