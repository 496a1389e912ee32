/** What is refused as a password is what iron refuses. */
import * as Iron from "@hapi/iron"
import { expect, it } from "vitest"
import * as HapiApplication from "../../../src/hapi/HapiApplication.js"
import * as Password from "../../../src/server/conversation/Password.js"
import * as fc from "../../harness/Property.js"

const options = Password.ironOptions({
  encryption: { iterations: 1, minPasswordlength: 6 },
  integrity: { iterations: 1, minPasswordlength: 4, algorithm: "sha256" }
})

const length = fc.constantFrom(0, 1, 3, 4, 5, 6, 7, 31, 32, 33)
const key = length.chain((n) => fc.constantFrom("x".repeat(n), Buffer.alloc(n, 1)))
const secret = fc.oneof(
  fc.record({ secret: key }),
  fc.record({ encryption: key, integrity: key })
)
const older = fc.dictionary(fc.constantFrom("default", "a", "b"), fc.oneof(key, secret))
const password = fc.oneof(
  key,
  secret,
  fc.tuple(older, secret).map(([older, secret]) => ({ ...older, id: "now", ...secret }))
) as fc.Arbitrary<Password.Password>

const works = async (passwords: Password.Passwords): Promise<boolean> => {
  const { seal, unseal } = passwords
  const ids = typeof unseal === "object" && !Buffer.isBuffer(unseal) ? Object.entries(unseal) : []
  try {
    await Iron.unseal(await Iron.seal({ a: 1 }, seal, options), unseal, options)
    for (const [id, one] of ids) {
      const steps = typeof one === "object" && !Buffer.isBuffer(one) ? one : { secret: one }
      const sealed = await Iron.seal({ a: 1 }, { ...steps, id }, options)
      await Iron.unseal(sealed, unseal, options)
    }
    return true
  } catch {
    return false
  }
}

it("has a fault exactly where iron cannot seal, or cannot unseal what an older one has sealed", () =>
  fc.assert(
    fc.asyncProperty(password, async (given) => {
      const passwords = Password.forIron(given)
      expect(Password.fault(passwords, options) === undefined).toBe(await works(passwords))
    }),
    { numRuns: fc.runs(150, 500) }
  ))

it("unseals what iron does, and nothing else", () =>
  fc.assert(
    fc.asyncProperty(
      password,
      fc.constantFrom("", "a", "now", "constructor", "__proto__"),
      fc.constantFrom(1, 10, 11),
      fc.nat({ max: 8 }),
      async (given, id, iterations, broken) => {
        const { seal, unseal } = Password.forIron(given)
        const few = { ...options, encryption: { ...options.encryption, iterations } }
        const named = typeof seal === "string" ? { id, secret: seal } : seal
        const sealed = await Iron.seal({ a: 1 }, named as Iron.password.Secret, few).catch(() => "no*seal")
        const text = sealed.split("*").map((part, n) => n === broken ? "" : part).join("*")
        const outcome = await HapiApplication.unseal(text, unseal, few).catch(() => "refused")
        expect(outcome).toEqual(await Iron.unseal(text, unseal, few).catch(() => "refused"))
      }
    ),
    { numRuns: fc.runs(300, 1000) }
  ))

it("unseals nothing but texts", async () => {
  const { unseal } = Password.forIron("x".repeat(32))
  const sealed = await Iron.seal({ a: 1 }, "x".repeat(32), options)
  expect(await HapiApplication.unseal(sealed, unseal, options)).toEqual({ a: 1 })
  for (const other of [undefined, null, 1, true, {}, [sealed], { split: 1 }]) {
    expect(await HapiApplication.unseal(other, unseal, options)).toBeUndefined()
  }
})
