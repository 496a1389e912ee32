/**
 * A real Chromium, without anything installed: the binary and the libraries it needs come with `@sparticuz/chromium`.
 * `CHROMIUM_PATH` names another one, where that package has none for the machine.
 */
import chromium from "@sparticuz/chromium"
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { type Browser, chromium as playwright } from "playwright-core"
import { read, root } from "../structure/Repository.js"

const cache = join(root, "node_modules/.cache")

/** Calls `f` with changes to the environment that are undone when it has ended. */
const withEnvironment = async <A>(changes: Readonly<Record<string, string>>, f: () => Promise<A>): Promise<A> => {
  const before = Object.keys(changes).map((name) => [name, process.env[name]] as const)
  Object.assign(process.env, changes)
  try {
    return await f()
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) {
        delete process.env[name]
      } else {
        process.env[name] = value
      }
    }
  }
}

// The package unpacks into the folder for temporary files, and takes what it finds there for complete.
const unpack = async (folder: string): Promise<void> => {
  mkdirSync(cache, { recursive: true })
  const partial = mkdtempSync(join(cache, "unpacking-"))
  try {
    // Its own libraries are only unpacked for this platform.
    await withEnvironment({ TMPDIR: partial, AWS_LAMBDA_JS_RUNTIME: "nodejs20.x" }, () => chromium.executablePath())
    writeFileSync(
      join(partial, "fonts/fonts.conf"),
      `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
  <alias binding="strong"><family>system-ui</family><prefer><family>Open Sans</family></prefer></alias>
  <alias binding="strong"><family>sans-serif</family><prefer><family>Open Sans</family></prefer></alias>
</fontconfig>
`
    )
    renameSync(partial, folder)
  } catch (error) {
    rmSync(partial, { recursive: true, force: true })
    // Another process may have been faster.
    if (!existsSync(folder)) {
      throw error
    }
  }
}

const install = async (): Promise<{ readonly executablePath: string; readonly env: Record<string, string> }> => {
  const given = process.env.CHROMIUM_PATH
  if (given) {
    return { executablePath: given, env: {} }
  }
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(
      `@sparticuz/chromium has no Chromium for ${process.platform} ${process.arch}: name one in CHROMIUM_PATH`
    )
  }
  const { version } = JSON.parse(read("node_modules/@sparticuz/chromium/package.json")) as { readonly version: string }
  const folder = join(cache, `chromium-${version}`)
  if (!existsSync(folder)) {
    await unpack(folder)
  }
  return {
    executablePath: join(folder, "chromium"),
    env: { LD_LIBRARY_PATH: join(folder, "al2023/lib"), FONTCONFIG_PATH: join(folder, "fonts") }
  }
}

/** The name by which pages reach this machine as if it were another: a browser treats `localhost` differently. */
export const farHost = "far.test"

/** Starts Chromium. As root it has no sandbox, and needs none: it sees only the pages of these tests. */
export const launch = async (): Promise<Browser> => {
  const { env, executablePath } = await install()
  try {
    return await playwright.launch({
      executablePath,
      env: { ...process.env, ...env },
      args: ["--no-sandbox", `--host-resolver-rules=MAP ${farHost} 127.0.0.1`]
    })
  } catch (cause) {
    throw new Error(`Chromium does not start: ${basename(executablePath)}; CHROMIUM_PATH may name another`, { cause })
  }
}
