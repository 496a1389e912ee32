/** The packed package, put into a folder of its own: what a user gets, not what the checkout has. */
import { execFileSync } from "node:child_process"
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
import { files, root } from "../structure/Repository.js"

const installed = (name: string): string =>
  (JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")) as { readonly version: string })
    .version

const npm = (cwd: string, ...args: ReadonlyArray<string>): void => {
  execFileSync("npm", [...args, "--loglevel=error", "--ignore-scripts"], { cwd, stdio: "pipe" })
}

const node = (...args: ReadonlyArray<string>): void => {
  execFileSync(process.execPath, args, { cwd: root, stdio: "pipe" })
}

/** Packs the checkout with its build, from a copy, into a folder of its own; returns the path of the tarball. */
export const pack = (): string => {
  if (!existsSync(join(root, "dist/index.js"))) {
    throw new Error("There is no build to pack: run `npm run build` first")
  }
  const folder = mkdtempSync(join(tmpdir(), "effect-nes-package-"))
  const copy = mkdtempSync(join(tmpdir(), "effect-nes-checkout-"))
  for (const file of ["dist", ...files()]) {
    cpSync(join(root, file), join(copy, file), { recursive: true })
  }
  node("scripts/stubs.mjs", "write", copy)
  npm(copy, "pack", "--pack-destination", folder)
  rmSync(copy, { recursive: true })
  return join(folder, readdirSync(folder).find((file) => file.endsWith(".tgz")) ?? "")
}

/**
 * Installs the tarball beside the named packages, in the versions of the checkout, and again under the name of
 * `@hapi/nes`. Returns the folder, which also has everything in `consumer`.
 */
export const install = (...names: ReadonlyArray<string>): string => {
  const tarball = pack()
  const folder = dirname(tarball)
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "consumer", private: true }))
  npm(
    folder,
    "install",
    "--prefer-offline",
    "--no-audit",
    "--no-fund",
    `./${basename(tarball)}`,
    `@hapi/nes@file:${basename(tarball)}`,
    ...names.map((name) => `${name}@${installed(name)}`)
  )
  cpSync(join(root, "test/package/consumer"), folder, { recursive: true })
  return folder
}

export const remove = (folder: string): void => rmSync(folder, { recursive: true, force: true })
