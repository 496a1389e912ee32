import { expect, it } from "vitest"
import * as CloseCode from "../../src/protocol/CloseCode.js"
import * as fc from "../harness/Property.js"

// interop.md, "Client behaviour"
const explanations = {
  1000: "Normal closure",
  1001: "Going away",
  1002: "Protocol error",
  1003: "Unsupported data",
  1004: "Reserved",
  1005: "No status received",
  1006: "Abnormal closure",
  1007: "Invalid frame payload data",
  1008: "Policy violation",
  1009: "Message too big",
  1010: "Mandatory extension",
  1011: "Internal server error",
  1015: "TLS handshake"
}

it.each(Object.entries(explanations))("%s is explained as RFC 6455 names it: %s", (code, explanation) => {
  expect(CloseCode.explain(Number(code))).toBe(explanation)
})

it("any other code, and none, is unknown", () => {
  expect(CloseCode.explain(undefined)).toBe("Unknown")
  fc.assert(fc.property(fc.oneof(fc.integer(), fc.double()), (code) => {
    fc.pre(!(code in explanations))
    expect(CloseCode.explain(code)).toBe("Unknown")
  }))
})
