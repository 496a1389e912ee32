/** What has been declared, found by path. */
import { expect, it } from "vitest"
import { Router, Subscription } from "../../../src/server/subscription/Subscription.js"
import * as fc from "../../harness/Property.js"

it("finds what is declared now, whatever was asked before", () => {
  const router = new Router<string>()
  expect(router.has("/a/1")).toBe(false)
  router.add(["/a/{id}", "any"])
  expect(router.match("/a/1")).toBe("any")
  expect(router.has("/a/1")).toBe(true)
  expect(router.match("/a/2")).toBe("any")
  expect(router.has("/a/1")).toBe(true)
  router.add(["/a/1", "one"])
  expect(router.match("/a/1")).toBe("one")
  expect(router.has("/b")).toBe(false)
  expect(router.match("/b")).toBeUndefined()
})

it("finds as many as there are, however long they are", () => {
  const router = new Router<string>()
  const patterns = ["a", "b", "c"].map((name) => `/${name}/{id}`)
  patterns.forEach((pattern) => router.add([pattern, pattern]))
  for (let i = 0; i < 9_000; i++) {
    const pattern = patterns[i % 3] ?? ""
    expect(router.match(pattern.replace("{id}", i % 1000 === 0 ? "x".repeat(1000 + i) : String(i % 6000)))).toBe(
      pattern
    )
  }
})

it("what it refuses leaves nothing behind, of several at a time neither the others", () => {
  const patterns = ["/a", "/a/", "/a/{id}", "/a/{other}", "/a/{id}/", "/a/{id?}", "/a/{id*}", "/a/x{id}", "a", "/{*}"]
  const paths = ["/a", "/a/", "/a/1", "/a/1/", "/a/x1", "/a/1/2", "/b"]
  const given = fc.array(fc.array(fc.constantFrom(...patterns), { minLength: 1, maxLength: 3 }), { maxLength: 6 })
  fc.assert(fc.property(given, (calls) => {
    const router = new Router<string>()
    const taken: Array<string> = []
    for (const call of calls) {
      try {
        router.add(...call.map((pattern) => [pattern, pattern] as const))
        taken.push(...call)
      } catch {
        const fresh = new Router<string>()
        taken.forEach((pattern) => fresh.add([pattern, pattern]))
        expect(paths.map((path) => router.match(path))).toEqual(paths.map((path) => fresh.match(path)))
        const again = (router: Router<string>): Array<unknown> =>
          patterns.map((pattern) => {
            try {
              router.add([pattern, pattern])
              return pattern
            } catch (error) {
              return String(error)
            }
          })
        expect(again(router)).toEqual(again(fresh))
        return
      }
    }
    expect(router.declared.map(([path]) => path)).toEqual(taken)
  }))
})

it("gives nobody parameters that another may have changed", () => {
  const subscription = new Subscription("/a/{id}", {})
  expect(subscription.params("/a/1")).toEqual({ id: "1" })
  expect(subscription.params("/a/1")).not.toBe(subscription.params("/a/1"))
})
