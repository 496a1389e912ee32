import { compare } from "./compare.js"

compare("nes6", "ours-callback")
