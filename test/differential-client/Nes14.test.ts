import { compare } from "./compare.js"

compare("nes14", "ours-promise")
