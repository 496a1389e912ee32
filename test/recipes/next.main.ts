/**
 * The recipe of Next, with Next from npm and this package as it is packed: built and in development, in a real Chromium.
 * A part of `npm run recipes`.
 */
import * as assert from "node:assert/strict"
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { cpSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { launch } from "../browser/Chromium.js"
import { install, remove } from "../package/Tarball.js"
import { freePort } from "../redis/RedisServer.js"
import { root } from "../structure/Repository.js"

const folder = install("effect", "@hapi/hapi")
execFileSync("npm", [
  "install",
  "--no-audit",
  "--no-fund",
  "--ignore-scripts",
  "--loglevel=error",
  "next@16",
  "react@19",
  "react-dom@19"
], { cwd: folder, stdio: "inherit" })
cpSync(join(root, "examples/recipes/next"), folder, { recursive: true })
// TypeScript is Next's business only where it is installed.
const nes = readFileSync(join(root, "examples/recipes/react/Nes.tsx"), "utf8")
const { transform } = await import("esbuild")
const { code } = await transform(nes, { loader: "tsx", jsx: "automatic" })
writeFileSync(join(folder, "app/Nes.jsx"), `"use client"\n${code}`)

const start = async (env: "production" | "development"): Promise<{ child: ChildProcess; url: string }> => {
  const port = await freePort()
  const child = spawn(process.execPath, ["server.mjs"], {
    cwd: folder,
    env: { ...process.env, PORT: String(port), NODE_ENV: env, NEXT_TELEMETRY_DISABLED: "1" },
    stdio: ["ignore", "pipe", "inherit"]
  })
  await new Promise<void>((resolve, reject) => {
    child.stdout.on("data", (text: Buffer) => String(text).includes("listening on") && resolve())
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)))
  })
  return { child, url: `http://localhost:${port}` }
}

const browser = await launch()
const visit = async (env: "production" | "development"): Promise<void> => {
  const { child, url } = await start(env)
  const page = await browser.newPage()
  const complaints: Array<string> = []
  page.on("pageerror", (error) => complaints.push(String(error)))
  await page.goto(url, { timeout: 120_000 })
  await page.getByText("the server says new").waitFor()
  await page.getByText("connected", { exact: true }).waitFor({ timeout: 60_000 })
  const response = await page.evaluate(async () =>
    (await fetch("/publish", {
      method: "POST",
      body: JSON.stringify({ path: "/item/5", message: { status: "packed" } })
    })).json() as Promise<unknown>
  )
  assert.deepEqual(response, { published: "/item/5" })
  await page.getByText("{\"status\":\"packed\"}").waitFor()
  if (env === "development") {
    const file = join(folder, "app/Live.jsx")
    writeFileSync(file, readFileSync(file, "utf8").replace("<section>", "<section><h1>hot</h1>"))
    await page.getByRole("heading", { name: "hot" }).waitFor({ timeout: 60_000 })
    await page.getByText("connected", { exact: true }).waitFor()
  }
  assert.deepEqual(complaints, [])
  await page.close()
  child.kill()
  await once(child, "exit")
  console.log(`passed  Next, ${env}: server component, client component, route handler`)
}

let failed = false
try {
  execFileSync(process.execPath, ["node_modules/next/dist/bin/next", "build"], {
    cwd: folder,
    env: { ...process.env, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" },
    stdio: "inherit"
  })
  await visit("production")
  await visit("development")
} catch (error) {
  failed = true
  console.error(error)
} finally {
  await browser.close()
  remove(folder)
}
process.exit(failed ? 1 : 0)
