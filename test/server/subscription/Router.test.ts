/** What has been declared, found by path. */
import { expect, it } from "vitest"
import { Router, Subscription } from "../../../src/server/subscription/Subscription.js"

it("finds what is declared now, whatever was asked before", () => {
  const router = new Router<string>()
  expect(router.has("/a/1")).toBe(false)
  router.add("/a/{id}", "any")
  expect(router.match("/a/1")).toBe("any")
  expect(router.has("/a/1")).toBe(true)
  expect(router.match("/a/2")).toBe("any")
  expect(router.has("/a/1")).toBe(true)
  router.add("/a/1", "one")
  expect(router.match("/a/1")).toBe("one")
  expect(router.has("/b")).toBe(false)
  expect(router.match("/b")).toBeUndefined()
})

it("finds as many as there are, however long they are", () => {
  const router = new Router<string>()
  const patterns = ["a", "b", "c"].map((name) => `/${name}/{id}`)
  patterns.forEach((pattern) => router.add(pattern, pattern))
  for (let i = 0; i < 9_000; i++) {
    const pattern = patterns[i % 3] ?? ""
    expect(router.match(pattern.replace("{id}", i % 1000 === 0 ? "x".repeat(1000 + i) : String(i % 6000)))).toBe(
      pattern
    )
  }
})

it("gives nobody parameters that another may have changed", () => {
  const subscription = new Subscription("/a/{id}", {})
  expect(subscription.params("/a/1")).toEqual({ id: "1" })
  expect(subscription.params("/a/1")).not.toBe(subscription.params("/a/1"))
})
