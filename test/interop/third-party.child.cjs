/**
 * Runs the own tests of a package that depends on nes, as they are published, with what it calls nes replaced:
 * `node third-party.child.cjs PACKAGE PLUGIN REDIS_PORT WORDS...` runs those whose name has one of the words, and prints
 * what came of each as JSON.
 */
const Module = require("node:module")
const { deepStrictEqual } = require("node:assert")
const { createServer } = require("node:net")

const [name, plugin, redis, ...words] = process.argv.slice(2)
const Nes = require(plugin)
const Hapi = require("@hapi/hapi")

const tests = []
const groups = [{ title: "", before: [], after: [] }]
const hook = (when) => (run) => groups.at(-1)[when].push(run)
const group = (title, declare) => {
  groups.push({ title, before: [], after: [] })
  declare()
  groups.pop()
}
const test = (title, run) =>
  tests.push({
    title: [...groups.map((each) => each.title), title].filter(Boolean).join(": "),
    run,
    groups: [...groups]
  })
const lab = {
  script: () => ({
    describe: group,
    experiment: group,
    it: test,
    test,
    beforeEach: hook("before"),
    afterEach: hook("after")
  })
}

// multines has fixed ports.
const ports = new Map()
const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

const replaced = {
  "@hapi/lab": lab,
  lab,
  code: require("@hapi/code"),
  "@hapi/nes": Nes,
  nes: {
    ...Nes,
    plugin: Nes.plugin,
    Client: class extends Nes.Client {
      constructor(url) {
        super(url.replace(/:(\d+)$/, (_, port) => `:${ports.get(Number(port)) ?? port}`))
      }
    }
  },
  hapi: {
    Server: function({ port }) {
      return Hapi.server({ port: ports.get(port) })
    }
  },
  // What their other tests need.
  "cb-barrier": function() {
    const { promise, resolve } = Promise.withResolvers()
    return Object.assign(promise, { pass: resolve })
  },
  "hapi-auth-bearer-token": {},
  opentracing: {},
  traci: {},
  "@hapi/wreck": {}
}

const load = Module._load
Module._load = function(request, parent, ...rest) {
  const isTheirs = parent?.filename?.includes(`/${name}/test`)
  if (isTheirs && request === "." && name === "multines") {
    const real = load.call(this, request, parent, ...rest)
    return { ...real, register: (server, options) => real.register(server, { ...options, port: Number(redis) }) }
  }
  return isTheirs && Object.hasOwn(replaced, request) ? replaced[request] : load.call(this, request, parent, ...rest)
}

const outcomeOf = async ({ groups, run }) => {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("not done in 10 s")), 10_000)
  })
  try {
    for (const each of groups.flatMap(({ before }) => before)) {
      await Promise.race([each(), late])
    }
    await Promise.race([run(), late])
    for (const each of groups.flatMap(({ after }) => after)) {
      await Promise.race([each(), late])
    }
    return "passed"
  } catch (error) {
    return String(error.message)
  } finally {
    clearTimeout(timer)
  }
}

const main = async () => {
  for (const port of [4000, 4001]) {
    ports.set(port, await freePort())
  }
  require(name === "multines" ? "multines/test.js" : `${name}/test/index.js`)
  const outcomes = {}
  const all = {}
  for (const each of tests.filter(({ title }) => words.some((word) => title.includes(word)))) {
    const title = all[each.title] === undefined ? each.title : `${each.title} again`
    all[each.title] = true
    outcomes[title] = await outcomeOf(each)
  }
  process.stdout.write(JSON.stringify(outcomes), () => process.exit(0))
}

deepStrictEqual(typeof Nes.Client, "function")
void main()
