/** Many clients that ask and are subscribed while their server is restarted, in a process of their own. */
import { Client } from "../../src/client.js"
import { isNesError } from "../../src/protocol/NesError.js"
import { serve } from "../harness/ChildEndpoint.js"

/** What became of the fleet. */
export interface State {
  readonly connected: number
  readonly reconnects: number
  readonly answered: number
  /** Requests that failed with one of nes's errors. */
  readonly refused: number
  /** Requests still without an end. */
  readonly open: number
  /** Failures of any other kind, unhandled rejections included. */
  readonly faults: ReadonlyArray<string>
  /** When each client was connected again, in ms after its loss. */
  readonly delays: ReadonlyArray<number>
  readonly updates: number
}

const clients: Array<Client> = []
const faults: Array<string> = []
const delays: Array<number> = []
const counts = { reconnects: 0, answered: 0, refused: 0, asked: 0, updates: 0 }
const desk = { open: false }

process.on("unhandledRejection", (error) => {
  faults.push(`unhandled rejection: ${String(error)}`)
})
process.on("uncaughtException", (error) => {
  faults.push(`uncaught exception: ${String(error)}`)
})

const judge = (error: unknown): void => {
  if (!isNesError(error)) {
    faults.push(`no error of nes: ${String(error)}`)
  }
}

const join = async (url: string): Promise<void> => {
  const client = new Client(url, { timeout: 10_000 })
  let lost: number | undefined
  client.onError = judge
  client.onDisconnect = () => {
    lost ??= performance.now()
  }
  client.onConnect = () => {
    if (lost !== undefined) {
      counts.reconnects++
      delays.push(Math.round(performance.now() - lost))
      lost = undefined
    }
  }
  await client.connect({ delay: 500, maxDelay: 2000, jitter: true })
  await client.subscribe("/reports", () => {
    counts.updates++
  })
  clients.push(client)
}

const ask = (client: Client, n: number): void => {
  counts.asked++
  client.request({ method: "POST", path: `/report/${n}` }).then(
    () => {
      counts.answered++
    },
    (error: unknown) => {
      counts.refused++
      judge(error)
    }
  )
}

/** Keeps asking: some clients in every turn, all of them in time. */
const work = async (): Promise<void> => {
  for (let n = 0; desk.open; n++) {
    for (let i = 0; i < 10; i++) {
      const client = clients[(n * 10 + i) % clients.length]
      if (client !== undefined) {
        ask(client, n)
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const state = (): State => ({
  connected: clients.filter(({ id }) => id !== null).length,
  reconnects: counts.reconnects,
  answered: counts.answered,
  refused: counts.refused,
  open: counts.asked - counts.answered - counts.refused,
  faults,
  delays,
  updates: counts.updates
})

serve({
  join: async (url, count) => {
    for (let joined = 0; joined < (count as number); joined += 50) {
      await Promise.all(Array.from({ length: Math.min(50, (count as number) - joined) }, () => join(url as string)))
    }
  },
  begin: () => {
    desk.open = true
    void work()
  },
  end: () => {
    desk.open = false
  },
  state
})
