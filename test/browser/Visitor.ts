/** Somebody with a page open, and a client in it. */
import type { BrowserContext, JSHandle, Page } from "playwright-core"
import type { Client, ConnectOptions } from "../../src/client.js"

/** What a page's client was told, in order: the event's name and its arguments. */
export type Heard = Array<readonly [name: string, ...args: ReadonlyArray<unknown>]>

interface InPage {
  readonly client: Client
  readonly heard: Heard
}

export class Visitor {
  private constructor(readonly page: Page, private readonly inPage: JSHandle<InPage>) {}

  /** Opens a page of the site, and makes a client of `url` there. */
  static async open(context: BrowserContext, site: string, url: string): Promise<Visitor> {
    const page = await context.newPage()
    await page.goto(site)
    return Visitor.of(page, url)
  }

  /** Makes a client of `url` in a page that is open already. */
  static async of(page: Page, url: string): Promise<Visitor> {
    const inPage = await page.evaluateHandle((url) => {
      const { Client: Constructor } = globalThis as unknown as { readonly Client: new(url: string) => Client }
      const client = new Constructor(url)
      const heard: Heard = []
      client.onConnect = () => heard.push(["connect"])
      client.onDisconnect = (willReconnect, { code, wasClean }) => {
        heard.push(["disconnect", willReconnect, code, wasClean])
      }
      client.onUpdate = (message) => heard.push(["update", message])
      client.onHeartbeatTimeout = () => heard.push(["heartbeat timeout"])
      client.onError = (error) => heard.push(["error", error.message])
      globalThis.addEventListener("online", () => heard.push(["online"]))
      globalThis.addEventListener("offline", () => heard.push(["offline"]))
      return { client, heard }
    }, url)
    return new Visitor(page, inPage)
  }

  connect(options: ConnectOptions = {}): Promise<void> {
    return this.inPage.evaluate(({ client }, options) => client.connect(options), options)
  }

  /** Subscribes; updates are heard under the name `pub`. */
  subscribe(path: string): Promise<void> {
    return this.inPage.evaluate(
      ({ client, heard }, path) => client.subscribe(path, (message) => void heard.push(["pub", message])),
      path
    )
  }

  /** The client, there. */
  client(): Promise<JSHandle<Client>> {
    return this.inPage.evaluateHandle(({ client }) => client)
  }

  /** Does something with the client. */
  async do<A>(f: (client: Client) => A | Promise<A>): Promise<A> {
    return (await this.client()).evaluate(f)
  }

  /** Waits until something has been heard `times` times in all, and returns what came with it last. */
  async hears(name: string, times = 1): Promise<ReadonlyArray<unknown>> {
    await this.page.waitForFunction(
      ({ inPage, name, times }) => inPage.heard.filter(([event]) => event === name).length >= times,
      { inPage: this.inPage, name, times }
    )
    const events = (await this.heard()).filter(([event]) => event === name)
    return events[times - 1]?.slice(1) ?? []
  }

  /** All that has been heard. */
  heard(): Promise<Heard> {
    return this.inPage.evaluate(({ heard }) => heard)
  }
}
