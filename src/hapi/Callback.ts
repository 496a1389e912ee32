/** The callback style of nes-api.txt, on top of values and Promises. */
import { isPromiseLike } from "../server/Awaitable.js"

const ignore = (): void => {}

/**
 * Runs a hook that answers through its `next`, or through a Promise it returns, whichever is first; the first call of
 * `next` counts. A hook that has answered when it returns is not waited for. How it fails after its answer is nobody's
 * business but `lost`'s.
 */
export const viaNext = <A>(
  run: (next: (...args: ReadonlyArray<unknown>) => void) => unknown,
  decode: (...args: ReadonlyArray<unknown>) => A,
  lost: (error: unknown) => void
): A | Promise<A> => {
  const answers: Array<ReadonlyArray<unknown>> = []
  let wake = ignore
  const first = (): A => decode(...answers[0] ?? [])
  let returned: unknown
  try {
    returned = run((...args) => {
      answers.push(args)
      wake()
      if (answers.length > 1 && args[0] instanceof Error) {
        lost(args[0])
      }
    })
  } catch (error) {
    if (answers.length === 0) {
      throw error
    }
    lost(error)
  }
  if (answers.length > 0) {
    if (isPromiseLike(returned)) {
      returned.then(ignore, lost)
    }
    return first()
  }
  return new Promise((resolve, reject) => {
    wake = () => resolve(Promise.resolve().then(first))
    if (isPromiseLike(returned)) {
      returned.then((value) => {
        answers.push([value])
        wake()
      }, (error: unknown) => answers.length > 0 ? lost(error) : reject(error))
    }
  })
}

/**
 * Hands the outcome of a Promise to a callback, or the Promise back if there is none: a hook in callback style returns
 * such a call, and is answered by what its callback does, not by the call. A callback that throws does so as it would
 * in callback code: outside of the Promise. A Promise that nobody looks at never becomes an unhandled rejection.
 */
export const nodeify = <A>(
  promise: Promise<A>,
  callback: ((error?: Error) => void) | undefined
): Promise<A> | undefined => {
  if (callback) {
    promise.then(() => setImmediate(callback), (error) => setImmediate(callback, error))
    return undefined
  }
  promise.catch(ignore)
  return promise
}
