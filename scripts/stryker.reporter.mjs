/** What `npm run mutate` prints: each change that no test noticed, as soon as that is known, and how many there were. */
import { readFileSync } from "node:fs"
import { relative } from "node:path"

class Survivors {
  died = 0
  survived = 0

  onMutantTested({ fileName, location: { start }, mutatorName, replacement, status }) {
    if (status === "Killed" || status === "Timeout") {
      this.died++
    } else if (status === "Survived" || status === "NoCoverage") {
      this.survived++
      const line = readFileSync(fileName, "utf8").split("\n")[start.line - 1]
      const place = `${relative("", fileName)}:${start.line}:${start.column}`
      console.log(`\n${place} ${mutatorName}: ${status}\n-  ${line?.trim()}\n+  ${replacement}\n`)
    }
  }

  onMutationTestReportReady() {
    const all = this.died + this.survived
    const percent = Math.round((100 * this.died) / Math.max(1, all))
    console.log(`\n${all} changes: ${this.died} died (${percent} %), ${this.survived} were not noticed\n`)
  }
}

export const strykerPlugins = [{ kind: "Reporter", name: "survivors", injectableClass: Survivors }]
