/** The packed package, put into a folder of its own: what a user gets, not what the checkout has. */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { basename, dirname, join, relative } from "node:path"
import { files, manifest, root } from "../structure/Repository.js"

const installed = (name: string): string =>
  (JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")) as { readonly version: string })
    .version

const npm = (cwd: string, ...args: ReadonlyArray<string>): void => {
  execFileSync("npm", [...args, "--loglevel=error", "--ignore-scripts"], { cwd, stdio: "pipe" })
}

const node = (...args: ReadonlyArray<string>): void => {
  execFileSync(process.execPath, args, { cwd: root, stdio: "pipe" })
}

/** The tarballs of the checkouts of the last hour, by what was in them. */
const cache = join(root, "node_modules/.cache/tarballs")

/** Packs the checkout with its build, from a copy, into a folder of its own; returns the path of the tarball. */
export const pack = (): string => {
  if (!existsSync(join(root, "dist/index.js"))) {
    throw new Error("There is no build to pack: run `npm run build` first")
  }
  const built = readdirSync(join(root, "dist"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile()).map((entry) => join(relative(root, entry.parentPath), entry.name))
  const packed = [...built, ...files()]
  const hash = createHash("sha256")
  for (const file of packed) {
    hash.update(`${file}\0`).update(readFileSync(join(root, file)))
  }
  const kept = join(cache, hash.digest("hex"))
  const folder = mkdtempSync(join(tmpdir(), "effect-nes-package-"))
  if (!existsSync(kept)) {
    const copy = mkdtempSync(join(tmpdir(), "effect-nes-checkout-"))
    for (const file of packed) {
      cpSync(join(root, file), join(copy, file))
    }
    node("scripts/stubs.mjs", "write", copy)
    mkdirSync(cache, { recursive: true })
    for (const old of readdirSync(cache).map((name) => join(cache, name))) {
      if (Date.now() - (statSync(old, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) > 3_600_000) {
        rmSync(old, { recursive: true, force: true })
      }
    }
    const made = mkdtempSync(join(cache, "packing-"))
    npm(copy, "pack", "--pack-destination", made)
    rmSync(copy, { recursive: true })
    try {
      renameSync(made, kept)
    } catch {
      // Another process was faster.
      rmSync(made, { recursive: true })
    }
  }
  const name = readdirSync(kept).find((file) => file.endsWith(".tgz")) ?? ""
  cpSync(join(kept, name), join(folder, name))
  return join(folder, name)
}

/** A program's folder, with everything in `consumer`, and the tarball. */
const consumer = (): { readonly folder: string; readonly tarball: string } => {
  const tarball = pack()
  const folder = dirname(tarball)
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "consumer", private: true }))
  cpSync(join(root, "test/package/consumer"), folder, { recursive: true })
  return { folder, tarball }
}

/**
 * Unpacks the tarball as `effect-nes` and as `@hapi/nes`, beside the checkout's own copies of its dependencies and of the
 * named packages: what `install` does, without npm. Returns the folder.
 */
export const unpack = (...names: ReadonlyArray<string>): string => {
  const { folder, tarball } = consumer()
  const place = (name: string): string => {
    const path = join(folder, "node_modules", name)
    mkdirSync(dirname(path), { recursive: true })
    return path
  }
  for (const name of ["effect-nes", "@hapi/nes"]) {
    mkdirSync(place(name))
    execFileSync("tar", ["-xzf", tarball, "--strip-components=1", "-C", place(name)])
  }
  for (const name of [...names, ...Object.keys(manifest.dependencies)]) {
    symlinkSync(join(root, "node_modules", name), place(name))
  }
  return folder
}

/**
 * Installs the tarball beside the named packages, in the versions of the checkout, and again under the name of
 * `@hapi/nes`. Returns the folder, which also has everything in `consumer`.
 */
export const install = (...names: ReadonlyArray<string>): string => {
  const { folder, tarball } = consumer()
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
  return folder
}

export const remove = (folder: string): void => rmSync(folder, { recursive: true, force: true })
