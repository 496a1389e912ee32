/** The site that `npm run docs` makes: what it says of every public name, its links, and how it looks in Chromium. */
import { execFileSync } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { createServer, type Server } from "node:http"
import { type AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { dirname, extname, join, posix, relative } from "node:path"
import type { Browser, Page } from "playwright-core"
import { afterAll, beforeAll, expect, it, vi } from "vitest"
import { violations } from "../browser/Axe.js"
import { launch } from "../browser/Chromium.js"
import { isLong } from "../harness/Long.js"
import { entries, root } from "../structure/Repository.js"

vi.setConfig({ testTimeout: 120_000 })

const folder = mkdtempSync(join(tmpdir(), "effect-nes-site-"))
const site = join(folder, "site")
const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".css": "text/css",
  ".js": "text/javascript",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png"
}

let files: ReadonlyArray<string>
let html: ReadonlyMap<string, string>
let server: Server
let browser: Browser
let address: string

beforeAll(async () => {
  execFileSync(process.execPath, ["scripts/docs.mjs", site], { cwd: root, stdio: "pipe" })
  files = readdirSync(site, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) =>
    relative(site, join(entry.parentPath, entry.name))
  )
  html = new Map(
    files.filter((file) => file.endsWith(".html") && !file.startsWith("files/")).map((
      file
    ) => [file, readFileSync(join(site, file), "utf8")])
  )
  server = createServer((request, response) => {
    const file = join(site, new URL(request.url ?? "/", "http://localhost").pathname)
    response.writeHead(existsSync(file) ? 200 : 404, {
      "content-type": types[extname(file)] ?? "",
      "content-security-policy": "default-src 'self'"
    })
    response.end(existsSync(file) ? readFileSync(file) : "")
  }).listen(0, "127.0.0.1")
  browser = await launch()
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}, 180_000)
afterAll(async () => {
  await browser.close()
  server.close()
  rmSync(folder, { recursive: true, force: true })
})

it("has a page for each document", () => {
  const documents = readdirSync(join(root, "docs")).filter((file) => file.endsWith(".md"))
  expect(documents.map((file) => file.replace(/md$/, "html")).filter((file) => !html.has(file))).toEqual([])
  expect(documents.length).toBeGreaterThan(15)
})

it("says something of every public name of every entry", async () => {
  for (const [subpath, source] of entries.filter(([subpath]) => !subpath.startsWith("/lib/"))) {
    const page = html.get(`api/${subpath.slice(1) || "effect-nes"}.html`) ?? ""
    const names = [...page.matchAll(/<h3 id="(\w+)">.*<\/h3>\n(<p>)?/g)]
    expect([subpath, names.filter(([, , sentence]) => sentence === undefined).map(([, name]) => name)])
      .toEqual([subpath, []])
    const shown = new Set([
      ...names.map(([, name]) => name),
      ...[...page.matchAll(/<a [^>]*>(\w+)<\/a>/g)].map(([, n]) => n)
    ])
    const values = Object.keys(await import(join(root, source)) as object)
    expect([subpath, values.filter((name) => name !== "default" && !shown.has(name))]).toEqual([subpath, []])
  }
})

it("shows nothing that is internal", () => {
  const internal = [...html].filter(([file, text]) => file.startsWith("api/") && /@internal|\bprivate /.test(text))
  expect(internal.map(([file]) => file)).toEqual([])
  expect(html.get("api/Authentication.html")).toContain(" login: ")
  expect(html.get("api/Authentication.html")).not.toMatch(/ (?:unseal|fault): /)
})

it("hands out every file that it shows, as it is; a link names a page by its title", () => {
  const shown = [...html].filter(([file, text]) => file.startsWith("source/") && text.includes("<pre"))
  for (const [file, text] of shown) {
    const name = file.slice("source/".length, -".html".length)
    expect([name, text.includes(`files/${name}" download>`)]).toEqual([name, true])
    expect(readFileSync(join(site, "files", name))).toEqual(readFileSync(join(root, name)))
  }
  const recipes = readdirSync(join(root, "examples/recipes/deployment"))
  expect(recipes.filter((name) => !files.includes(`files/examples/recipes/deployment/${name}`))).toEqual([])
  for (const name of ["proxies/nginx.conf", "proxies/haproxy.cfg"]) {
    expect(files).toContain(`files/examples/recipes/${name}`)
  }
  expect(html.get("source/examples/market/server.ts.html")).toMatch(
    /<a href="[^"]*\/contract\.ts\.html">contract\.ts<\/a>/
  )
  const named = [...html].filter(([, text]) => /<a [^>]*>[\w/-]+\.md<\/a>/.test(text))
  expect(named.map(([file]) => file)).toEqual([])
})

it("has no link that leads nowhere, and no anchor twice", () => {
  const ids = new Map(
    [...html].map(([file, text]) => [file, [...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id ?? "")] as const)
  )
  expect([...ids].filter(([, all]) => new Set(all).size < all.length).map(([file]) => file)).toEqual([])
  let links = 0
  const broken = [...html].flatMap(([file, text]) =>
    [...text.matchAll(/ (?:href|src)="([^"]+)"/g)].flatMap(([, target = ""]) => {
      if (/^[a-z]+:/.test(target)) {
        return []
      }
      links++
      const [path = "", anchor] = target.split("#")
      const linked = path === "" ? file : posix.normalize(posix.join(dirname(file), path))
      const isThere = files.includes(linked) && (anchor === undefined || ids.get(linked)?.includes(anchor))
      return isThere ? [] : [`${file} links to ${target}`]
    })
  )
  expect(broken).toEqual([])
  expect(links).toBeGreaterThan(1000)
  const index = JSON.parse(readFileSync(join(site, "assets/index.json"), "utf8")) as ReadonlyArray<
    { readonly path: string }
  >
  const lost = index.map(({ path }) => path.split("#")).filter(([file = "", id = ""]) => !ids.get(file)?.includes(id))
  expect(lost).toEqual([])
})

const open = async (path: string, options: Parameters<Browser["newContext"]>[0] = {}): Promise<Page> => {
  const page = await (await browser.newContext(options)).newPage()
  await page.goto(`${address}/${path}`)
  return page
}

it("can be read on a phone: no page is wider than 390 pixels", async () => {
  const page = await open("index.html", { viewport: { width: 390, height: 800 } })
  const wide: Array<string> = []
  // All sources look alike, and all entries.
  const alike = (file: string, index: number) => /^(?:source|api)\//.test(file) && index % 8 > 0
  for (const file of [...html.keys()].filter((file, index) => isLong || !alike(file, index))) {
    await page.goto(`${address}/${file}`, { waitUntil: "domcontentloaded" })
    if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) {
      wide.push(file)
    }
  }
  expect(wide).toEqual([])
  await page.context().close()
})

it("has nothing that axe objects to, in light and dark, on a phone and a desk", async () => {
  const audited = ["index.html", "protocol.html", "first-steps.html", "api/NesClient.html"]
  for (
    const [colorScheme, width, files] of [
      ["light", 390, isLong ? audited : audited.slice(0, 2)],
      ["dark", 1200, isLong ? audited : audited.slice(2)]
    ] as const
  ) {
    const page = await open("index.html", { colorScheme, viewport: { width, height: 900 } })
    for (const file of files) {
      await page.goto(`${address}/${file}`)
      const found = await violations(page)
      expect([colorScheme, width, file, found]).toEqual([colorScheme, width, file, []])
    }
    await page.context().close()
  }
})

it("finds by the keyboard alone: a page's section, and a public name", async () => {
  const page = await open("index.html")
  const wrong: Array<string> = []
  page.on("pageerror", (error) => wrong.push(error.message))
  page.on("console", (message) => message.type() === "error" && wrong.push(message.text()))
  const found = page.getByRole("list", { name: "Results" }).getByRole("link")
  for (
    const [words, title, path] of [
      ["upgrade", "upgrade", "api/NesHttpServer.html"],
      [
        "it does not connect",
        "It does not connect",
        "first-steps.html"
      ],
      ["logging", "Logs", "telemetry.html"],
      ["rate limit", "Limits", "operations.html"],
      [
        "custom scheme",
        "A scheme of your own",
        "hapi.html"
      ],
      ["last message", "State: the last message", "history.html"]
    ] as const
  ) {
    await page.keyboard.press("/")
    await page.keyboard.type(words)
    await found.first().getByText(title, { exact: true }).waitFor()
    await page.keyboard.press("Enter")
    await page.waitForURL(`**/${path}#*`)
  }
  expect(wrong).toEqual([])
  await page.context().close()
})

it("finds by the words of who searches, the place before those that only mention it, and shows a line of it", async () => {
  const page = await open("index.html")
  const first = page.getByRole("list", { name: "Results" }).getByRole("link").first()
  for (
    const [words, target] of [
      ["cors", "security.html#who-may-connect"],
      ["kick", "hapi-subscriptions.html#socket"],
      ["eaddrinuse", "first-steps.html#it-does-not-connect"],
      ["jwt", "hapi.html#authentication"],
      ["node:test", "first-steps.html#testing-your-application"],
      ["last value", "history.html#state-the-last-message"]
    ] as const
  ) {
    await page.getByRole("searchbox").fill(words)
    await page.locator(`#results li:first-child a[href="${target}"]`).waitFor({ timeout: 5_000 })
  }
  expect(await first.locator("small").last().textContent()).toMatch(/\w+ \w+ \w+/)
  await page.context().close()
})
