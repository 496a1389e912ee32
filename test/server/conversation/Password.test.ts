/** What is refused as a password is what iron refuses. */
import * as Iron from "@hapi/iron"
import { expect, it } from "vitest"
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
