/**
 * The recipe of Docker: its image is built from the Dockerfile unchanged, with this package as it is packed, and runs
 * until SIGTERM. A part of `npm run recipes`; needs Debian as root. No registry of images is asked: the base image is
 * Debian's own system with the Node of the development. `buildah` reads the Dockerfile.
 */
import * as assert from "node:assert/strict"
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { copyFileSync, cpSync, existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { Client } from "../../src/client.js"
import { pack, remove } from "../package/Tarball.js"
import { freePort, RedisServer } from "../redis/RedisServer.js"
import { read, root } from "../structure/Repository.js"

const image = "effect-nes-recipe"
const tarball = pack()
const folder = dirname(tarball)
const system = join(folder, "system")
const context = join(folder, "context")

const run = (command: string, ...args: ReadonlyArray<string>): string =>
  execFileSync(command, args, { cwd: context, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim()

/** The base image that the Dockerfile names. */
const makeBase = (name: string): void => {
  run("debootstrap", "--variant=minbase", "stable", system)
  run("chroot", system, "useradd", "--create-home", "node")
  copyFileSync(process.execPath, join(system, "usr/local/bin/node"))
  run("npm", "install", "--silent", "--prefix", join(system, "usr/local/lib"), "npm@11")
  run("ln", "-s", "../lib/node_modules/npm/bin/npm-cli.js", join(system, "usr/local/bin/npm"))
  const container = run("buildah", "from", "scratch")
  run("buildah", "copy", "--quiet", container, system, "/")
  const authorities = process.env.NODE_EXTRA_CA_CERTS
  if (authorities) {
    run("buildah", "copy", "--quiet", container, authorities, authorities)
    run("buildah", "config", "--env", `NODE_EXTRA_CA_CERTS=${authorities}`, container)
  }
  run("buildah", "commit", "--quiet", "--rm", container, name)
}

const build = (): void => {
  const recipe = join(root, "examples/recipes/deployment")
  const { dependencies } = JSON.parse(read("examples/recipes/deployment/package.json")) as {
    readonly dependencies: Readonly<Record<string, string>>
  }
  mkdirSync(join(context, "vendor"), { recursive: true })
  copyFileSync(tarball, join(context, "vendor/effect-nes.tgz"))
  for (const file of ["Dockerfile", "server.mjs"]) {
    cpSync(join(recipe, file), join(context, file))
  }
  writeFileSync(
    join(context, "package.json"),
    JSON.stringify({ private: true, dependencies: { ...dependencies, "effect-nes": "file:vendor/effect-nes.tgz" } })
  )
  run("npm", "install", "--package-lock-only", "--silent")
  makeBase(/^FROM (.+)$/m.exec(readFileSync(join(context, "Dockerfile"), "utf8"))?.[1] ?? "")
  const vendor = `${join(context, "vendor")}:/srv/app/vendor:ro`
  run("buildah", "build", "--isolation=chroot", "--pull-never", "--volume", vendor, "--tag", image, ".")
}

/** The process of the container itself, below those of buildah. */
const innermost = (pid: number): number => {
  const children = globSync(`/proc/${pid}/task/*/children`).map((file) => readFileSync(file, "utf8"))
  const [child] = children.join("").split(" ")
  return child ? innermost(Number(child)) : pid
}

const check = async (): Promise<void> => {
  const redis = await RedisServer.start()
  const port = await freePort()
  const container = run("buildah", "from", "--pull-never", image)
  const { config } = (JSON.parse(run("buildah", "inspect", container)) as {
    readonly OCIv1: { readonly config: { readonly Cmd: ReadonlyArray<string>; readonly User: string } }
  }).OCIv1
  assert.equal(config.User, "node")
  const settings = { PORT: port, REDIS_URL: redis.url, DRAIN_SECONDS: 1 }
  const child = spawn("buildah", [
    "run",
    "--isolation=chroot",
    ...Object.entries(settings).map(([name, value]) => `--env=${name}=${value}`),
    container,
    ...config.Cmd
  ], { stdio: ["ignore", "pipe", "inherit"] })
  try {
    await once(child.stdout, "data")
    assert.equal((await fetch(`http://127.0.0.1:${port}/ready`)).status, 204)
    const client = new Client(`ws://127.0.0.1:${port}`)
    await client.connect()
    const heard: Array<unknown> = []
    await client.subscribe("/item/5", (update) => heard.push(update))
    await client.request({ method: "POST", path: "/item/5", payload: { from: "a container" } })
    while (heard.length === 0) {
      await client.request("/live")
    }
    assert.deepEqual(heard, [{ from: "a container" }])
    await client.disconnect()
    const ended = once(child, "exit")
    process.kill(innermost(child.pid ?? 0), "SIGTERM")
    assert.deepEqual(await ended, [0, null])
  } finally {
    child.kill()
    await redis.stop()
    run("buildah", "rm", container)
    run("buildah", "rmi", "--force", image)
  }
}

let failed = false
try {
  mkdirSync(context)
  if (!existsSync("/usr/sbin/debootstrap") || !existsSync("/usr/bin/buildah")) {
    execFileSync("apt-get", ["update", "-qq"], { stdio: "ignore" })
    execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "buildah", "debootstrap"], {
      stdio: "ignore"
    })
  }
  build()
  await check()
  console.log("passed  Docker: the image is built, runs as an unprivileged user, and stops at SIGTERM")
} catch (error) {
  failed = true
  console.error(error)
} finally {
  remove(folder)
}
process.exit(failed ? 1 : 0)
