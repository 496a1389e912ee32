/** Requests to a route over 32 connections with 8 in flight each: server CPU per request. */
import { large, small } from "../servers/Application.mjs"

const base = {
  kind: "requests",
  unit: "µs/request",
  peers: ["effect-nes", "nes", "limit"],
  server: {},
  connections: 32,
  inFlight: 8
}

export const requests = [
  {
    ...base,
    name: "request-small",
    title: "requests, small JSON, 32 connections × 8 in flight",
    targets: { nes: 0.85 },
    path: "/small",
    result: small,
    warmup: 10_000,
    total: 40_000
  },
  {
    ...base,
    name: "request-20k",
    title: "requests, 20 kB JSON response",
    targets: { nes: 0.72 },
    path: "/large",
    result: large,
    warmup: 2000,
    total: 8000
  },
  {
    ...base,
    name: "request-http",
    title: "Effect server without hapi: requests, small JSON",
    subject: "effect-http",
    peers: ["effect-http", "nes"],
    targets: { nes: 0.3 },
    path: "/small",
    result: small,
    warmup: 10_000,
    total: 40_000
  }
]
