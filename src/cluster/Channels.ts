/**
 * Which channels this node hears: one for every path that someone here listens to, and no other.
 *
 * @since 0.1.0
 */
import type { Listener, RedisConnection } from "../redis/RedisConnection.js"

interface Channel {
  subscribed: boolean
  settling: Promise<void> | undefined
}

/**
 * The channels of the paths, subscribed to and given up as the node's subscribers come and go.
 *
 * @since 0.1.0
 * @category models
 */
export class Channels {
  private readonly channels = new Map<string, Channel>()

  constructor(
    private readonly link: RedisConnection,
    private readonly name: (path: string) => string,
    private readonly listens: (path: string) => boolean,
    private readonly listener: Listener
  ) {}

  /** Whether a path's channel is heard. */
  has(path: string): boolean {
    return this.channels.get(path)?.subscribed === true
  }

  /** Follows what the node listens to; ends when the path's channel is heard, or cannot be for now. */
  follow(path: string): Promise<void> | undefined {
    const wanted = this.listens(path)
    let channel = this.channels.get(path)
    if (wanted === (channel?.subscribed ?? false) && !channel?.settling) {
      if (!wanted) {
        this.channels.delete(path)
      }
      return undefined
    }
    if (!channel) {
      channel = { subscribed: false, settling: undefined }
      this.channels.set(path, channel)
    }
    return this.settle(path, channel)
  }

  /** Takes up what could not be done while the link was down. */
  revive(): void {
    for (const [path, channel] of this.channels) {
      void this.settle(path, channel)
    }
  }

  private settle(path: string, channel: Channel): Promise<void> {
    return channel.settling ??= this.run(path, channel).finally(() => {
      channel.settling = undefined
      if (!channel.subscribed && !this.listens(path)) {
        this.channels.delete(path)
      }
    })
  }

  private async run(path: string, channel: Channel): Promise<void> {
    const name = this.name(path)
    while (this.link.isUp && this.listens(path) !== channel.subscribed) {
      try {
        if (channel.subscribed) {
          await this.link.unsubscribe(name, this.listener)
        } else {
          await this.link.subscribe(name, this.listener)
        }
        channel.subscribed = !channel.subscribed
      } catch {
        // The link went down meanwhile: whatever is missing then is made up for when it is up again.
        return
      }
    }
  }
}
