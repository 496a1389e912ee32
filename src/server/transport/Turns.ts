/** Turns of the event loop: what takes long is done in slices, and what one turn writes leaves in one flush. */
import { Buffer } from "node:buffer"
import { constants, deflateRawSync } from "node:zlib"
import * as Chunk from "../../protocol/Chunk.js"

export interface Task {
  /** Does a bit, of a few hundred microseconds at most; returns whether anything is left to do in the present turn. */
  step(): boolean
}

// How long a turn of the event loop may take for tasks, and for work that is none (ms). In shorter slices what arrives
// meanwhile is seen sooner, and the tasks end later: each slice costs some tens of microseconds more than its work.
const slice = 2
const otherSlice = 1.5

// So many of those who pause go on in each turn: each does a bit, even if there is no time left.
const perTurn = 16

/** Takes the tasks in turns, a slice of time in each turn of the event loop. */
export class Turns {
  count = 0
  private readonly tasks: Array<Task> = []
  private deferred: Array<Task> = []
  private scheduled = false
  private paused: Array<() => void> = []
  // The turn in which work that is no task was done last, and until when it may be.
  private turn = -1
  private until = 0

  start(task: Task): void {
    this.tasks.push(task)
    this.schedule()
  }

  /** Goes on with a task in the next slice, not in the present one. */
  defer(task: Task): void {
    this.deferred.push(task)
    this.schedule()
  }

  /** Makes sure that there is a next slice, whatever there is to do in it. */
  schedule(): void {
    if (!this.scheduled) {
      this.scheduled = true
      setImmediate(this.run)
    }
  }

  next(): Promise<void> {
    return new Promise((resolve) =>
      this.defer({
        step: () => {
          resolve()
          return false
        }
      })
    )
  }

  /** For work that is no task: nothing while it may go on in this turn, or a Promise of another. */
  pause(): Promise<void> | undefined {
    const now = performance.now()
    if (this.turn !== this.count) {
      this.turn = this.count
      this.until = now + otherSlice
      this.schedule()
    }
    return now < this.until ? undefined : new Promise((resolve) => {
      this.paused.push(resolve)
      this.schedule()
    })
  }

  /** Does something with each of these, some in each turn; returns a Promise if that takes more than one. */
  each<A>(items: Iterator<A>, run: (item: A) => void): Promise<void> | undefined {
    for (let next = items.next(); !next.done; next = items.next()) {
      run(next.value)
      const pause = this.pause()
      if (pause) {
        return pause.then(() => this.each(items, run))
      }
    }
    return undefined
  }

  private readonly run = (): void => {
    const { deferred, tasks } = this
    const end = performance.now() + slice
    this.scheduled = false
    this.count++
    this.deferred = []
    tasks.push(...deferred)
    try {
      for (let task = tasks.shift(); task !== undefined; task = performance.now() < end ? tasks.shift() : undefined) {
        if (task.step()) {
          tasks.push(task)
        }
      }
    } finally {
      for (const resume of this.paused.splice(0, perTurn)) {
        resume()
      }
      if (tasks.length + this.paused.length > 0) {
        this.schedule()
      }
    }
  }
}

/** Opens once; whoever waits, before or after, goes on. */
export class Latch {
  open: () => void = () => {}
  readonly wait: Promise<void> = new Promise((resolve) => {
    this.open = resolve
  })
}

/** What is held back from its first write in a turn until it is let go. */
interface Held {
  readonly letGo: () => void
}

// Sockets let go in one step: a few microseconds each.
const perStep = 16

// What has been let go is forgotten in strides.
const stride = 4096

/** Lets go of sockets in the order in which they were first written to. */
export class Flush implements Task {
  private held: Array<Held> = []
  private next = 0
  private forgotten = 0
  private readonly marks: Array<{ place: number; readonly reached: Latch }> = []
  private started = false

  constructor(private readonly turns: Turns) {}

  /** To be called for every socket that is being held back. */
  add(held: Held): void {
    this.held.push(held)
    this.start()
  }

  /** Ends when all that has been written so far has left for the sockets. */
  get done(): Promise<void> {
    const place = this.forgotten + this.held.length
    const last = this.marks.at(-1)
    // What one step lets go of has one end.
    if (last && Math.ceil(last.place / perStep) === Math.ceil(place / perStep)) {
      last.place = place
      return last.reached.wait
    }
    this.start()
    const reached = new Latch()
    this.marks.push({ place, reached })
    return reached.wait
  }

  /** Whether a Promise is the end of the last flush that was asked for. */
  isDone(promise: Promise<void>): boolean {
    return promise === this.marks.at(-1)?.reached.wait
  }

  step(): boolean {
    const { held } = this
    const end = Math.min(this.next + perStep, held.length)
    while (this.next < end) {
      held[this.next++]?.letGo()
    }
    if (end === held.length || end >= stride) {
      this.held = held.slice(end)
      this.next = 0
      this.forgotten += end
    }
    this.started = this.held.length > this.next
    for (let { marks } = this; marks[0] !== undefined && marks[0].place <= this.forgotten + this.next;) {
      marks.shift()?.reached.open()
    }
    return this.started
  }

  private start(): void {
    if (!this.started) {
      this.started = true
      this.turns.start(this)
    }
  }
}

// WebSocket frames are built by hand: an unmasked, unfragmented text message is a header and its bytes (RFC 6455, 5.2).
const finalText = 0x81

// The same with the bit that says that it is compressed (RFC 7692, section 6).
const finalCompressedText = 0xc1

// What the end of each compressed message would be, and is left out.
const emptyBlock = 4

// A frame for so many bytes, which follow its header.
const emptyFrame = (length: number, first: number): Buffer => {
  const start = length < 126 ? 2 : length < 65536 ? 4 : 10
  const frame = Buffer.allocUnsafe(start + length)
  frame[0] = first
  if (start === 2) {
    frame[1] = length
  } else if (start === 4) {
    frame[1] = 126
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = 127
    frame.writeUInt32BE(Math.floor(length / 0x100000000), 2)
    frame.writeUInt32BE(length >>> 0, 6)
  }
  return frame
}

const frameOf = (text: string): Buffer => {
  const length = Buffer.byteLength(text)
  const frame = emptyFrame(length, finalText)
  frame.write(text, frame.length - length, length, "utf8")
  return frame
}

// For sockets that take compressed messages: one of at least `threshold` bytes is compressed by itself.
const compressedFrameOf = (text: string, threshold: number): Buffer => {
  const payload = Buffer.from(text)
  if (payload.length < threshold) {
    return frameOf(text)
  }
  const compressed = deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH })
  const length = compressed.length - emptyBlock
  const frame = emptyFrame(length, finalCompressedText)
  compressed.copy(frame, frame.length - length, 0, length)
  return frame
}

const mostBytesPerChar = 3

/** A message on its way out: serialised once, and chunked and framed once, at the first socket that takes it. */
export class PreparedMessage {
  private buffer: Buffer | undefined
  private compressed: Buffer | undefined

  /** `maxChunkChars` is in UTF-16 code units of `text`; `Infinity` for no chunking. */
  constructor(readonly text: string, private readonly maxChunkChars: number) {}

  /** The frames of all chunks, in order, ready to be written to a socket without extensions. */
  get frame(): Buffer {
    return this.buffer ??= this.framed(frameOf)
  }

  /** The same for sockets that take compressed messages: none depends on those before. */
  compressedFrame(threshold: number): Buffer {
    return this.compressed ??= this.text.length * mostBytesPerChar < threshold
      ? this.frame
      : this.framed((text) => compressedFrameOf(text, threshold))
  }

  private framed(frame: (text: string) => Buffer): Buffer {
    const { maxChunkChars, text } = this
    return text.length > maxChunkChars ? Buffer.concat(Chunk.split(text, maxChunkChars).map(frame)) : frame(text)
  }
}
