import { launch } from "./test/browser/Chromium.js"
import * as F from "./test/browser/FrozenPage.js"
for (let i = 0; i < 3; i++) {
  const b = await launch()
  console.log(await F.client(b, "stopped", 100))
  await b.close()
}
process.exit()
