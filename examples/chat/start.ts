/** `npm run chat`: a chat on two nodes and one Redis. Log in on both pages, one of them in a private window. */
import { build } from "esbuild"
import { randomBytes } from "node:crypto"
import { fileURLToPath } from "node:url"
import { ownRedis, redisUrl, stopAll } from "../programs.js"
import { choosePort, interrupted } from "../terminal.js"
import { makeNode } from "./server.js"

const first = await choosePort("npm run chat", 8020, ownRedis ? 3 : 2)
const redis = await redisUrl(first + 2)
const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL("main.tsx", import.meta.url))],
  bundle: true,
  write: false,
  minify: true,
  format: "esm",
  jsx: "automatic",
  define: { "process.env.NODE_ENV": "\"production\"" },
  ...(process.execArgv.includes("--conditions=source") || process.env.NODE_OPTIONS?.includes("--conditions=source")
    ? { conditions: ["source", "browser"] }
    : {})
})
const script = outputFiles[0]?.contents ?? new Uint8Array()
const password = randomBytes(32).toString("hex")
const nodes = await Promise.all([first, first + 1].map((port) => makeNode({ port, redis, password, script })))
await Promise.all(nodes.map((node) => node.start()))
for (const { info } of nodes) {
  console.log(`chat   Open ${info.uri} in a browser`)
}
console.log("chat   Each page is served by a node of its own. Ctrl-C ends both.")
await interrupted
console.log("\nchat   stops: nodes, then Redis")
await Promise.all(nodes.map((node) => node.stop()))
await stopAll()
process.exit(0)
