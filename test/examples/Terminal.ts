/** A terminal in which somebody runs one of the project's commands: Ctrl-C reaches its whole process group. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createServer, type Server } from "node:net"
import { sources } from "../harness/Sources.js"
import { read, root } from "../structure/Repository.js"

const { scripts } = JSON.parse(read("package.json")) as { readonly scripts: Readonly<Record<string, string>> }

export class Terminal {
  output = ""
  readonly exited: Promise<number | string>

  private readonly child: ChildProcess

  /** Runs an npm script without those before and after it, for what it runs is in src; or its program without npm, faster. */
  constructor(script: string, env: NodeJS.ProcessEnv, by: "npm" | "node" = "npm") {
    const [program = ""] = /examples\/\S+/.exec(scripts[script] ?? "") ?? []
    const [command, ...args] = by === "npm"
      ? ["npm", "run", "--silent", "--ignore-scripts", script] as const
      : [process.execPath, ...sources, program] as const
    this.child = spawn(command, args, {
      cwd: root,
      detached: true,
      env: { ...process.env, NODE_OPTIONS: "--conditions=source", ...env },
      stdio: ["ignore", "pipe", "pipe"]
    })
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.output += text
        this.child.emit("output")
      })
    }
    this.exited = once(this.child, "close").then(([status, signal]: Array<number | string>) => signal ?? status ?? "")
  }

  /** Waits for something to be printed, and returns it. */
  async prints(pattern: RegExp): Promise<RegExpExecArray> {
    const ended = this.exited.then((status) => Promise.reject(new Error(`ended early (${status}):\n${this.output}`)))
    for (;;) {
      const found = pattern.exec(this.output)
      if (found !== null) {
        ended.catch(() => {})
        return found
      }
      await Promise.race([once(this.child, "output"), ended])
    }
  }

  /** Ctrl-C. npm hands it on to its script: the second one comes at any moment of what the first began. */
  async ctrlC(): Promise<void> {
    this.signal("SIGINT")
    await this.prints(/stops: /)
    this.signal("SIGINT")
  }

  /** Ends what is left. */
  close(): void {
    this.signal("SIGKILL")
  }

  private signal(signal: NodeJS.Signals): void {
    try {
      process.kill(-(this.child.pid ?? NaN), signal)
    } catch {
      // They have all ended.
    }
  }
}

/** A program that listens, takes connections, and never says a word. */
export const stranger = async (host: string, port = 0): Promise<{ readonly port: number; readonly server: Server }> => {
  const server = createServer().listen(port, host)
  await once(server, "listening")
  const address = server.address()
  return { port: typeof address === "object" && address ? address.port : 0, server }
}
