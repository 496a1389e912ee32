/** What axe objects to in a page: rules of accessibility that it breaks, each with an element. */
import type { Page } from "playwright-core"
import { read } from "../structure/Repository.js"

interface Axe {
  readonly run: () => Promise<{
    readonly violations: ReadonlyArray<
      { readonly id: string; readonly nodes: ReadonlyArray<{ readonly html: string }> }
    >
  }>
}

/** Audits a page as it stands. */
export const violations = async (page: Page): Promise<ReadonlyArray<string>> => {
  await page.evaluate(read("node_modules/axe-core/axe.min.js"))
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { readonly axe: Axe }
    return (await axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)
  })
}
