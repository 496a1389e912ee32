/** A chat, written in the documented callback style: `next` in the hooks, callbacks everywhere else. */
import Boom from "@hapi/boom"
import Hapi from "@hapi/hapi"
import Nes from "nes"

const print = (...words) => console.log(...words.map((word) => typeof word === "string" ? word : JSON.stringify(word)))

const names = { 1: "anna", 2: "ben" }
const server = Hapi.server({ port: 0, host: "localhost" })

server.auth.scheme("number", () => ({
  authenticate: (request, h) => {
    const user = names[request.headers.authorization]
    return user ? h.authenticated({ credentials: { user } }) : h.unauthenticated(Boom.unauthorized("Who are you?"))
  }
}))
server.auth.strategy("number", "number")

const history = []

const declare = () => {
  server.subscription("/room/{name}", {
    auth: { mode: "required", entity: "user", index: true },
    filter: (path, message, options, next) => {
      const { user } = options.credentials
      if (message.from === user) {
        return next(false)
      }
      if (message.whisper) {
        return setImmediate(() => next(options.internal?.to === user, { from: message.from, text: "psst" }))
      }
      return next(true)
    },
    onSubscribe: (socket, path, params, next) => {
      if (params.name === "closed") {
        return next(Boom.locked("The room is closed"))
      }
      socket.app.rooms = (socket.app.rooms ?? 0) + 1
      setImmediate(next)
    },
    onUnsubscribe: (socket, path, params, next) => {
      print("server:", socket.auth.credentials.user, "left", params.name)
      socket.app.rooms--
      next()
    }
  })

  server.route({
    method: "POST",
    path: "/room/{name}",
    options: { id: "say", auth: "number" },
    handler: (request) => {
      const message = { from: request.auth.credentials.user, ...request.payload }
      history.push(message.text)
      server.publish(`/room/${request.params.name}`, message, { internal: { to: request.payload.to } })
      return { said: message.text, rooms: request.socket.app.rooms }
    }
  })
}

const clientFor = (number, connected) => {
  const client = new Nes.Client(server.info.uri.replace("http", "ws"))
  client.onError = (err) => print("error:", err.type, err.message)
  client.connect({ auth: { headers: { authorization: String(number) } } }, (err) => {
    if (err) {
      print("connect:", err.type, err.statusCode, err.message)
      return client.disconnect(() => connected(null))
    }
    connected(client)
  })
}

const finish = (anna, ben) => {
  ben.onDisconnect = (willReconnect, log) => {
    print("ben: disconnected", willReconnect, log)
    ben.onDisconnect = null
    ben.disconnect(() => {
      anna.disconnect(() => {
        server.stop({ timeout: 1000 }).then(() => print("stopped"), print)
      })
    })
  }
  server.eachSocket((socket) => {
    if (socket.auth.credentials.user === "ben") {
      socket.disconnect(() => print("server: ben is gone"))
    }
  })
}

const revoke = (anna, ben) => {
  let revoked = 0
  server.eachSocket((socket) => {
    socket.revoke("/room/tea", { closed: true }, (err) => {
      print("revoked:", err ?? "done")
      if (++revoked === 2) {
        ben.message("are you there?", (err, answer) => {
          print("message:", err, answer)
          finish(anna, ben)
        })
      }
    })
  }, { subscription: "/room/tea" })
}

const talk = (anna, ben) => {
  anna.request({ path: "say", method: "POST", payload: { text: "nobody" } }, (err, payload, statusCode) => {
    print("by id:", err?.message ?? null, statusCode)
    anna.request(
      { path: "/room/tea", method: "POST", payload: { text: "hello" } },
      (err, payload, statusCode, headers) => {
        print("said:", err, payload, statusCode, headers)
        const whisper = { path: "/room/tea", method: "POST", payload: { text: "secret", whisper: true, to: "ben" } }
        anna.request(whisper, (err, payload) => {
          print("said:", err, payload)
          ben.request("/nowhere", (err, payload, statusCode) => {
            print("nowhere:", err.type, err.message, payload, statusCode)
            server.eachSocket((socket) => {
              socket.publish("/room/tea", "for all ears", (err) => print("published:", err ?? "done"))
              socket.send("news", (err) => print("sent:", err ?? "done"))
            })
          })
        })
      }
    )
  })
}

const meet = (anna, ben) => {
  anna.subscribe("/room/closed", () => {}, (err) => {
    print("closed:", err.type, err.statusCode, err.message, err.path)
    let heard = 0
    const listen = (who) => (message, flags) => {
      print(`${who}:`, message, flags)
    }
    const update = (who) => (message) => {
      print(`${who}: update`, message)
      if (++heard === 2) {
        revoke(anna, ben)
      }
    }
    anna.onUpdate = update("anna")
    ben.onUpdate = update("ben")
    anna.subscribe("/room/tea", listen("anna"), (err) => {
      print("tea:", err ?? "subscribed")
      ben.subscribe("/room/tea", listen("ben"), (err) => {
        print("tea:", err ?? "subscribed", ben.subscriptions())
        talk(anna, ben)
      })
    })
  })
}

server.register({
  plugin: Nes,
  options: {
    auth: { type: "direct", route: { strategy: "number" }, index: true },
    onConnection: (socket) => print("server: welcome", socket.auth.credentials.user),
    onDisconnection: (socket) => print("server: goodbye", socket.auth.credentials.user, socket.app.rooms),
    onMessage: (socket, message, next) => {
      setImmediate(() => next({ heard: message, from: socket.auth.credentials.user, history }))
    }
  }
}).then(() => {
  declare()
  return server.start()
}).then(() => {
  clientFor(3, () => clientFor(1, (anna) => clientFor(2, (ben) => meet(anna, ben))))
}, print)
