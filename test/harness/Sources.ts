/** The options with which Node runs what is in src by itself: much faster than through a compiler. */
export const sources: ReadonlyArray<string> = [
  "--conditions=source",
  "--experimental-transform-types",
  "--disable-warning=ExperimentalWarning",
  `--import=${new URL("SourceHooks.ts", import.meta.url).href}`
]
