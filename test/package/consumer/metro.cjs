// Bundles the file that the argument names, as the applications of React Native are bundled.
const Metro = require("metro")
const { loadConfig } = require("metro-config")

const main = async (entry) => {
  const base = await loadConfig({ cwd: __dirname }, {})
  const config = {
    ...base,
    resolver: {
      ...base.resolver,
      unstable_conditionNames: ["react-native"],
      resolverMainFields: ["react-native", "browser", "main"],
      platforms: ["ios", "android"]
    },
    transformer: {
      ...base.transformer,
      getTransformOptions: async () => ({ transform: { experimentalImportSupport: true, inlineRequires: false } })
    },
    reporter: { update() {} },
    resetCache: true,
    maxWorkers: 1,
    watcher: { ...base.watcher, watchman: {} }
  }
  const out = `${__dirname}/${entry.replace(/\.js$/, ".bundle.js")}`
  await Metro.runBuild(config, { entry, platform: "ios", dev: false, minify: false, out })
  process.exit(0)
}

void main(process.argv[2])
