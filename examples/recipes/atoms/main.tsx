/** The page. */
import { StrictMode } from "react"
import { createRoot } from "react-dom/client"
import { Item } from "./Item.js"

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <Item path="/item/5" />
  </StrictMode>
)
