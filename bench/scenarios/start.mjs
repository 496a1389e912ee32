/** Starting: how long a process takes that loads a door, and how much of that it computes. */

const start = (name, title, most, programs) => ({
  kind: "start",
  name,
  peers: ["effect-nes", "nes"],
  targets: { nes: most },
  times: 7,
  programs,
  rows: [
    { name, title, unit: "ms", metric: "cost" },
    { name: `${name}-cpu`, title: "… CPU", unit: "ms", metric: "cpu" }
  ]
})

export const starts = [
  start("start-hapi", "a process that requires the hapi plugin", 2.5, {
    "effect-nes": `require("effect-nes/hapi")`,
    nes: `require("@hapi/nes")`
  }),
  start("start-client", "a process that requires the plain client", 2, {
    "effect-nes": `require("effect-nes/client")`,
    nes: `require("@hapi/nes/lib/client")`
  })
]
