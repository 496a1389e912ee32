/** What has been declared, found by path. */
import { expect, it } from "vitest"
import { Router } from "../../../src/server/subscription/Subscription.js"

it("finds what is declared now, whatever was asked before", () => {
  const router = new Router<string>()
  expect(router.has("/a/1")).toBe(false)
  router.add("/a/{id}", "any")
  expect(router.match("/a/1")).toEqual({ subscription: "any", params: { id: "1" } })
  expect(router.has("/a/1")).toBe(true)
  expect(router.match("/a/2")).toEqual({ subscription: "any", params: { id: "2" } })
  expect(router.has("/a/1")).toBe(true)
  router.add("/a/1", "one")
  expect(router.match("/a/1")).toEqual({ subscription: "one", params: {} })
  expect(router.has("/b")).toBe(false)
  expect(router.match("/b")).toBeUndefined()
  // Nobody is given what another may have changed.
  router.has("/a/2")
  expect(router.match("/a/2")?.params).not.toBe(router.match("/a/2")?.params)
})
