/** A process that runs the application on the plugin named by its argument, one server at a time. */
import { emit, plain, serve } from "../harness/ChildEndpoint.js"
import { type Implementation, loadPlugin } from "../interop/peers/Plugin.js"
import { type Application, type ApplicationOptions, make } from "./Application.js"

const plugin = await loadPlugin(process.argv[2] as Implementation)
let application: Application | undefined
/** What a server that is gone still records belongs to no script. */
let generation = 0

serve({
  open: async (options) => {
    const current = ++generation
    application = await make(plugin, options as ApplicationOptions, (event, ...data) => {
      if (current === generation) {
        emit(event, ...data.map(plain))
      }
    })
    return application.url
  },
  control: async (name, args) => plain(await application?.control(String(name), args as ReadonlyArray<unknown>)),
  close: async () => {
    const server = application?.server
    application = undefined
    generation++
    server?.listener.closeAllConnections()
    await server?.stop({ timeout: 50 })
  }
})
