/** Where `redis-server` is missing, the tests install it, or say what to do. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, it, vi } from "vitest"
import { install } from "./RedisServer.js"

let folder: string

/** A command that writes down how it was called. */
const command = (name: string, code: number): void =>
  writeFileSync(join(folder, name), `#!/bin/sh\necho "${name} $*" >> "${folder}/calls"\nexit ${code}\n`, {
    mode: 0o755
  })

const calls = (): ReadonlyArray<string> => readFileSync(join(folder, "calls"), "utf8").trim().split("\n")

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "effect-nes-install-"))
  vi.stubEnv("PATH", folder)
})

afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

it("nothing is done where it is there", () => {
  command("redis-server", 0)
  command("apt-get", 0)
  install()
  expect(calls()).toEqual(["redis-server --version"])
})

it("root has it installed from the system's packages", () => {
  command("apt-get", 0)
  install(0)
  expect(calls()).toEqual(["apt-get update -qq", "apt-get install -y -qq --no-install-recommends redis-server"])
})

it("anyone else, and root without a package, is told what is needed", () => {
  expect(() => install(1000)).toThrow(
    "These tests need redis-server: install it, as with `apt-get install redis-server`"
  )
  command("apt-get", 100)
  expect(() => install(0)).toThrow("These tests need redis-server, and `apt-get install redis-server` failed")
})
