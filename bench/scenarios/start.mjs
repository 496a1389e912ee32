/** Starting: how long a process takes that loads a door. */

const base = { kind: "start", unit: "ms", peers: ["effect-nes", "nes"], times: 7 }

export const starts = [
  {
    ...base,
    name: "start-hapi",
    title: "a process that requires the hapi plugin",
    targets: { nes: 2.5 },
    programs: { "effect-nes": `require("effect-nes/hapi")`, nes: `require("@hapi/nes")` }
  },
  {
    ...base,
    name: "start-client",
    title: "a process that requires the plain client",
    targets: { nes: 2 },
    programs: { "effect-nes": `require("effect-nes/client")`, nes: `require("@hapi/nes/lib/client")` }
  }
]
