/** Work that takes long is done in slices, in turns with everything else that the event loop has to do. */

/** Something that is done bit by bit. */
export interface Task {
  /** Does a bit, of a few hundred microseconds at most; returns whether anything is left to do in the present turn. */
  step(): boolean
}

// How long one turn of the event loop may take for this (ms). What a turn costs beside its work is a hundredth of it.
const slice = 2

/** Takes the tasks in turns, a slice of time in each turn of the event loop. */
export class Turns {
  /** How many slices there have been. */
  count = 0
  private readonly tasks: Array<Task> = []
  private deferred: Array<Task> = []
  private scheduled = false

  /** Begins with a task in the next slice, or in the present one. */
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

  /** Ends with the next slice. */
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
      if (tasks.length > 0) {
        this.schedule()
      }
    }
  }
}
