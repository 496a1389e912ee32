/** The page of the inspector, from its files. */
import { expect, it, vi } from "vitest"
import { page } from "../../../src/server/inspection/Inspector.js"

const readFile = vi.hoisted(() => vi.fn<() => Promise<string>>())

vi.mock("node:fs/promises", () => ({ readFile }))

it("is read again where it could not be", async () => {
  readFile.mockRejectedValueOnce(new Error("gone")).mockResolvedValue("<script>{{client}}</script>")
  await expect(page()).rejects.toThrow("gone")
  expect(await page()).toMatchObject({ html: expect.stringContaining("<script>") as unknown })
})
