/** Vite and React: a hot update replaces this module, and with it the client; the old one lets go of its connection. */
/// <reference types="vite/client" />
import { Client } from "effect-nes/client"
import { StrictMode } from "react"
import { createRoot } from "react-dom/client"
import { NesProvider } from "../react/Nes.js"
import { App } from "./App.js"

const client = new Client(`${location.protocol.replace("http", "ws")}//${location.host}/nes`)
const root = createRoot(document.getElementById("root") as HTMLElement)
root.render(
  <StrictMode>
    <NesProvider client={client}>
      <App />
    </NesProvider>
  </StrictMode>
)

import.meta.hot?.accept()
import.meta.hot?.dispose(() => root.unmount())
