/** The page comes from Vite, and what it asks for at /nes from the hapi server, whose option `path` is the same. */
import { defineConfig } from "vite"

export default defineConfig({
  server: {
    proxy: { "/nes": { target: process.env.NES_URL ?? "ws://localhost:8000", ws: true } }
  }
})
