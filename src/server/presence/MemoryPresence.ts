/** Who is present at the paths of the nodes of one process. */
import type { Publish } from "../Command.js"
import { getOrMake } from "../Groups.js"
import type { MemoryHistory } from "../recovery/MemoryHistory.js"
import {
  type Change,
  counted,
  type Extent,
  nothing,
  type Place,
  type Presences,
  type Reading,
  told
} from "./Present.js"

export interface Entry {
  readonly nodes: Set<string>
  value: string
}

export const apply = (
  entries: Map<string, Entry>,
  list: boolean,
  node: string,
  changes: ReadonlyArray<Change>,
  extent: Extent
): ReadonlyArray<string> => {
  const before = entries.size
  const texts: Array<string> = []
  const staying = extent === "all" ? new Set(changes.map(([id]) => id)) : undefined
  const gone = staying ? Array.from(entries.keys()).filter((id) => !staying.has(id)) : []
  for (const [id, value] of [...gone.map((id): Change => [id, undefined]), ...changes]) {
    const entry = entries.get(id)
    if (value === undefined) {
      if (entry?.nodes.delete(node) && entry.nodes.size === 0) {
        entries.delete(id)
        texts.push(told("leave", id, undefined, entries.size))
      }
    } else if (!entry && extent !== "values") {
      entries.set(id, { nodes: new Set([node]), value: value ?? nothing })
      texts.push(told("join", id, value ?? nothing, entries.size))
    } else if (entry) {
      if (extent !== "values") {
        entry.nodes.add(node)
      }
      if (extent !== "all" && value !== null && entry.value !== value) {
        entry.value = value
        texts.push(told("change", id, value, entries.size))
      }
    }
  }
  return list ? texts : entries.size === before ? [] : [counted(entries.size)]
}

/** Presence in memory. What it tells is published as it changes, so that who reads it knows how far it has come. */
export class MemoryPresence implements Presences {
  private readonly places = new Map<string, { readonly place: Place; readonly entries: Map<string, Entry> }>()

  constructor(
    private readonly history: MemoryHistory,
    private readonly deliver: (update: Publish) => Promise<void>
  ) {}

  async change(place: Place, node: string, changes: ReadonlyArray<Change>, extent: Extent): Promise<void> {
    const { entries } = getOrMake(this.places, place.path, () => ({ place, entries: new Map<string, Entry>() }))
    const texts = apply(entries, place.list, node, changes, extent)
    if (entries.size === 0) {
      this.places.delete(place.path)
    }
    await this.tell(place, texts, entries.size)
  }

  read(place: Place): Promise<Reading> {
    const { epoch, top } = this.history.read(place.path, undefined, place.bounds)
    const entries = Array.from(this.places.get(place.path)?.entries ?? [])
    return Promise.resolve({
      position: { epoch, offset: top },
      count: entries.length,
      users: place.list ? entries.map(([id, { value }]) => ({ id, value: JSON.parse(value) as unknown })) : undefined
    })
  }

  async left(node: string): Promise<void> {
    await Promise.all(Array.from(this.places.values(), ({ place }) => this.change(place, node, [], "all")))
  }

  // No more is kept than there is to list: who missed more is better off with the list. So whoever can make changes
  // without end binds no more memory than by being there.
  private async tell({ bounds, path }: Place, texts: ReadonlyArray<string>, count: number): Promise<void> {
    const kept = { ...bounds, size: Math.min(bounds.size, Math.max(1, count)) }
    const updates = texts.map((text) =>
      this.history.append(
        { type: "publish", path, message: JSON.parse(text), text, internal: undefined, user: undefined },
        kept
      )
    )
    if (count === 0) {
      this.history.retire(path)
    }
    await Promise.all(updates.map((update) => this.deliver(update)))
  }
}
