/** The page's one client, and what shows it. */
import { Broadcasts } from "./broadcasts.js"
import { Client } from "./client.js"
import { Connection } from "./connection.js"
import { Feed } from "./feed.js"
import { Lobby } from "./lobby.js"
import { RequestForm } from "./request.js"

const client = new Client(location.origin.replace(/^http/, "ws"))

const connection = new Connection(client, { delay: 1000, maxDelay: 2000 })
const feed = new Feed(client, "/vitals")
const broadcasts = new Broadcasts(client)
const lobby = new Lobby(client)
const request = new RequestForm(client)

connection.onChange = (isConnected) => {
  for (const part of [feed, broadcasts, request, lobby]) {
    part.enable(isConnected)
  }
}

feed.subscribe()
lobby.subscribe()
connection.connect()
