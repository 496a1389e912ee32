/** The client of a peer that is in use: a process serves one after another. */
import { emit } from "../../harness/ChildEndpoint.js"

/** What both versions call. */
export interface Events {
  onError: (error: Error) => void
  onConnect: () => void
  onDisconnect: (willReconnect: boolean) => void
  onUpdate: (message: unknown) => void
}

export class Current<Client extends Events> {
  client!: Client

  constructor(private readonly Client: new(url: string) => Client) {}

  /** Makes the client that is used from now on; of the one before nothing is heard any more. */
  make(url: string): void {
    const made = this.client = new this.Client(url)
    const tell = (name: string, ...data: ReadonlyArray<unknown>): void => {
      if (this.client === made) {
        emit(name, ...data)
      }
    }
    made.onError = (error) => tell("error", error.message)
    made.onConnect = () => tell("connect")
    made.onDisconnect = (willReconnect) => tell("disconnect", willReconnect)
    made.onUpdate = (message) => tell("update", message)
  }
}
