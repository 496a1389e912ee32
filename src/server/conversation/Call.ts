/** A message that is being answered, and that its client may take back. */
import { interrupt, type Owner } from "../Awaitable.js"

/** What is done for one message; fibers that wait for something are kept as those of any owner. */
export class Call implements Owner {
  fibers: Owner["fibers"]
  /** Whether the client has taken it back. */
  departed = false
  /** What ends the work that is no fiber of ours. */
  onCancel: (() => void) | undefined

  cancel(): void {
    if (!this.departed) {
      this.departed = true
      interrupt(this)
      this.onCancel?.()
    }
  }
}
