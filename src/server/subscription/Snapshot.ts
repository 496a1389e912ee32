/** How things stand, and what of the updates is in it already. */
import type * as Message from "../../protocol/Message.js"
import { type Publish, requireVersion } from "../Command.js"

/** A first message that says up to which update it goes. */
export class Snapshot<out Message = unknown> {
  constructor(
    readonly message: Message,
    /** The application's number of the last update that is in it, or its position. */
    readonly until: number | Message.Position
  ) {}

  has({ position, version }: Publish): boolean {
    const { until } = this
    return typeof until === "number"
      ? version !== undefined && version <= until
      : position !== undefined && position.epoch === until.epoch && position.offset <= until.offset
  }
}

/**
 * What a `snapshot` hook answers that has to wait: the message, and the number of the last update that is in it (the
 * `version` it is published with). Updates up to that number do not come again, also if they are published up to ten
 * seconds later.
 *
 * ```ts
 * server.subscription("/item/{id}", {
 *   snapshot: async (socket, path, { id }) => {
 *     const item = await database.item(id)
 *     return snapshotAt(item.version, item)
 *   }
 * })
 * server.publish("/item/5", item, { version: item.version })
 * ```
 *
 * @since 1.0.0
 * @category subscriptions
 */
export const snapshotAt = <Message>(version: number, message: Message): Snapshot<Message> => {
  requireVersion(version)
  return new Snapshot(message, version)
}
