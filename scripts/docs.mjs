/**
 * `npm run docs`: the documentation as a site of static files, in `site/` or the folder that is named: the pages of docs/, the repository's other
 * documents, and a reference of every name that can be imported. It needs the build, whose declarations it reads.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync
} from "node:fs"
import { dirname, join, posix } from "node:path"
import { readApi } from "./docs/api.mjs"
import { codeBlock, escape, render, slug } from "./docs/markdown.mjs"
import { page } from "./docs/page.mjs"
import { words } from "./docs/words.mjs"
import { fail, root } from "./run.mjs"

// Whoever reads the site meanwhile sees the one before, or none.
const target = process.argv[2] ?? join(root, "site")
const out = `${target}-partial`
const read = (file) => readFileSync(join(root, file), "utf8")
const document = (name) => `docs/${name}.md`

const guides = [
  { title: "Start", files: ["README.md", ...["first-steps", "installing", "examples", "comparison"].map(document)] },
  {
    title: "Doors",
    files: [
      "hapi",
      "hapi-subscriptions",
      "effect-server",
      "contracts",
      "client",
      "effect-client",
      "presence",
      "history",
      "command-line"
    ].map(
      document
    )
  },
  {
    title: "Running it",
    files: ["deployment", "operations", "recipes", "scaling", "telemetry", "inspector", "api", "security"].map(document)
  },
  { title: "Beyond nes", files: ["history", "presence", "api"].map(document) },
  { title: "Coming from nes", files: ["migration", "differences"].map(document) },
  {
    title: "How it works",
    files: [...["protocol", "interop", "architecture", "glossary"].map(document), "bench/README.md"]
  },
  { title: "The project", files: ["CHANGELOG.md", "CONTRIBUTING.md", document("mutations"), "SECURITY.md", "LICENSE"] }
].map(({ files, title }) => ({ title, files: files.filter((file) => existsSync(join(root, file))) }))

const known = new Set(guides.flatMap(({ files }) => files))
const others = readdirSync(join(root, "docs")).filter((file) => file.endsWith(".md")).map((file) => `docs/${file}`)
  .filter((file) => !known.has(file))
guides.splice(-1, 0, { title: "More", files: others })

/** Where a document is at the site. */
const pathOf = (file) => {
  const path = file.replace(/^docs\//, "").replace(/(?:\/README)?\.md$/, "").toLowerCase()
  return `${{ "README.md": "index", "SECURITY.md": "security-policy" }[file] ?? path}.html`
}

const documents = new Map(guides.flatMap(({ files }) => files).map((file) => [file, pathOf(file)]))
/** Other files of the repository that pages link to, each of which becomes a page of its own. */
const sources = new Set()

const relative = (from, to) => `${"../".repeat(from.split("/").length - 1)}${to}`

// At the site, whoever is sent to a document looks for its title.
const titleOf = (file) => documents.has(file) ? /^# (.*)$/m.exec(read(file))?.[1] : undefined

const linkFrom = (path) =>
  Object.assign((file) => {
    if (documents.has(file)) {
      return relative(path, documents.get(file))
    }
    const target = join(root, file)
    if (!existsSync(target)) {
      fail(`docs: ${path} links to ${file}, which is not there`)
    }
    if (/\.(?:png|svg)$/.test(file)) {
      mkdirSync(join(out, "assets"), { recursive: true })
      cpSync(target, join(out, "assets", posix.basename(file)))
      return relative(path, `assets/${posix.basename(file)}`)
    }
    const name = file.replace(/\/$/, "")
    sources.add(name)
    return relative(path, `source/${name}.html`)
  }, { titleOf })

const index = []
const pages = []
const rendered = (markdown, file, path) => {
  const { html, sections, title } = render(markdown, file, linkFrom(path))
  for (const section of sections) {
    index.push({
      page: title,
      title: section.title,
      path: `${path}#${section.id}`,
      text: section.text.replace(/\s+/g, " ").slice(0, 2000)
    })
  }
  return { html, title }
}

rmSync(out, { recursive: true, force: true })

for (const [file, path] of documents) {
  const text = file === "LICENSE" ? `# License\n\n\`\`\`text\n${read(file)}\n\`\`\`\n` : read(file)
  pages.push({ path, ...rendered(text, file, path) })
}

const api = readApi()
const apiPath = (name) => `api/${name.replace(/^effect-nes\/?/, "").replaceAll("/", "-") || "effect-nes"}.html`
for (const { description, name, names, namespaces } of api) {
  const path = apiPath(name)
  const prose = (text) => render(text, "docs/api.md", linkFrom(path)).html
  // Without Map.groupBy, which Node 20 has not.
  const categories = [...new Set(names.map(({ category }) => category))]
  const sections = categories.map((category) =>
    `<h2 id="${slug(category)}-names">${escape(category)}</h2>\n${
      names.filter((each) => each.category === category).map(({ documentation, name: member, signatures, since }) => {
        index.push({ page: name, title: member, path: `${path}#${member}`, text: documentation })
        return `<h3 id="${member}"><code>${member}</code><span class="since">since ${since ?? "1.0.0"}</span></h3>\n${
          prose(documentation)
        }${codeBlock(signatures.join("\n"), "ts")}`
      }).join("\n")
    }`
  )
  // A namespace is a module of its own, or what another one hands on as a whole.
  const modules = namespaces.map((namespace) => ({
    name: namespace.name,
    entry: api.find((entry) => entry.name === `effect-nes/${namespace.name}`)
      ?? api.find((entry) =>
        entry.name !== "effect-nes" && entry.namespaces.some(({ file }) => file === namespace.file)
      )
  })).filter(({ entry }) => entry !== undefined)
  const list = modules.length === 0 ?
    "" :
    `<h2 id="modules">Modules</h2><ul>${
      modules.map((module) => `<li><a href="../${apiPath(module.entry.name)}">${module.name}</a></li>`).join("")
    }</ul>`
  pages.push({
    path,
    title: name,
    html: `<h1><code>${name}</code></h1>\n${prose(description)}${list}${sections.join("\n")}`
  })
}

for (const [place, others] of Object.entries(words)) {
  const [path, id] = place.split("#")
  const found = index.find((entry) => id === undefined ? entry.path.startsWith(`${path}#`) : entry.path === place)
  if (found === undefined) {
    fail(`docs: there is no ${place} for "${others}"`)
  }
  found.words = others.toLowerCase()
}

const titles = new Map(pages.map(({ path, title }) => [path, title]))
const groups = [
  ...guides.filter(({ files }) => files.length > 0).map(({ files, title }) => ({
    title,
    items: files.map((file) => ({ path: documents.get(file), title: titles.get(documents.get(file)) }))
  })),
  { title: "Reference", items: api.map(({ name }) => ({ path: apiPath(name), title: name })) }
]

/** A file as it is, to be downloaded, and links to those that it imports. */
const source = (name, path) => {
  const text = read(name)
  mkdirSync(dirname(join(out, "files", name)), { recursive: true })
  cpSync(join(root, name), join(out, "files", name))
  const imported = [...text.matchAll(/ from "(\.[^"]+)"/g)].flatMap(([, specifier]) => {
    const file = posix.join(posix.dirname(name), specifier)
    return [file, file.replace(/\.js(x?)$/, ".ts$1"), file.replace(/\.js$/, ".tsx")].filter((each) =>
      existsSync(join(root, each))
    ).slice(0, 1)
  })
  const links = [...new Set(imported)].map((file) =>
    `<a href="${linkFrom(path)(file)}">${escape(posix.basename(file))}</a>`
  )
  return `<p><a href="${relative(path, `files/${name}`)}" download>Download ${escape(posix.basename(name))}</a>${
    links.length > 0 ? `. It imports ${links.join(", ")}` : ""
  }</p>\n${codeBlock(text, posix.extname(name).slice(1))}`
}

// What a page of a source links to may be a source itself.
for (const name of sources) {
  const target = join(root, name)
  const path = `source/${name}.html`
  const body = statSync(target).isDirectory()
    ? `<ul>${
      readdirSync(target).map((entry) =>
        `<li><a href="${linkFrom(path)(`${name}/${entry}`)}">${escape(entry)}</a></li>`
      ).join("")
    }</ul>`
    : source(name, path)
  pages.push({ path, title: name, html: `<h1><code>${escape(name)}</code></h1>\n${body}` })
}

const taken = pages.map(({ path }) => path).filter((path, index, all) => all.indexOf(path) < index)
if (taken.length > 0) {
  fail(`docs: two pages are at ${taken.join(", ")}`)
}
for (const { html, path, title } of pages) {
  mkdirSync(dirname(join(out, path)), { recursive: true })
  writeFileSync(join(out, path), page({ groups, html, path, title }))
}
cpSync(join(root, "scripts/docs/assets"), join(out, "assets"), { recursive: true })
writeFileSync(join(out, "assets/index.json"), JSON.stringify(index))
rmSync(target, { recursive: true, force: true })
renameSync(out, target)
console.log(`docs: ${pages.length} pages in ${target}, ${index.length} places to find`)
