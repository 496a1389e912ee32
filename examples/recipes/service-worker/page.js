/** A page's side of worker.js. */

/** Asks the worker, and waits for its answer. */
const ask = async (data) => {
  const { active } = await navigator.serviceWorker.ready
  const { port1, port2 } = new MessageChannel()
  const answer = new Promise((resolve) => {
    port1.addEventListener("message", ({ data }) => resolve(data))
    port1.start()
  })
  active.postMessage(data, [port2])
  return answer
}

/** Calls `handler` with every update of a path. */
export const subscribe = async (path, handler) => {
  navigator.serviceWorker.addEventListener("message", ({ data }) => {
    if (data.path === path) {
      handler(data.message)
    }
  })
  return ask({ path })
}

/** Makes a request over the worker's connection. */
export const request = (request) => ask({ request })

await navigator.serviceWorker.register("/worker.js", { type: "module" })
