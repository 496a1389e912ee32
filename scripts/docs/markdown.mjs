/** Markdown as a page of the site: headings with GitHub's anchors, links to other pages, code with a little colour. */
import { Marked } from "marked"
import { posix } from "node:path"

export const escape = (text) =>
  text.replace(/[&<>"]/g, (character) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;" })[character])

/** GitHub's anchor of a heading. */
export const slug = (text) => text.trim().toLowerCase().replace(/[^\p{L}\p{N}\p{M}\s_-]/gu, "").replace(/\s/g, "-")

const words =
  "import|export|from|const|let|class|interface|type|new|await|async|yield|function|return|extends|readonly|if|else|for|of|declare|typeof|default|throw|true|false|null|undefined"
const tokens = new RegExp(
  `(?<comment>/\\*[^]*?\\*/|//[^\\n]*)|(?<string>"(?:[^"\\\\\\n]|\\\\.)*"|'(?:[^'\\\\\\n]|\\\\.)*'|\`(?:[^\`\\\\]|\\\\.)*\`)|\\b(?<keyword>${words})\\b`,
  "g"
)

/** Code as HTML: what a program's reader looks for is coloured. */
export const highlight = (code, language = "") => {
  if (!/^(?:ts|js|json|tsx|jsx)/.test(language)) {
    return escape(code)
  }
  let html = ""
  let last = 0
  for (const match of code.matchAll(tokens)) {
    const [kind] = Object.entries(match.groups).find(([, text]) => text !== undefined)
    html += `${escape(code.slice(last, match.index))}<span class="${kind}">${escape(match[0])}</span>`
    last = match.index + match[0].length
  }
  return html + escape(code.slice(last))
}

/** A block of code; it can be scrolled with the keyboard. */
export const codeBlock = (code, language) => `<pre tabindex="0"><code>${highlight(code, language)}</code></pre>\n`

/**
 * Renders the Markdown of a file. `link` gives the address of what another file of the repository is at the site. Returns
 * the HTML, the title, and the sections for the search.
 */
export const render = (markdown, file, link) => {
  const sections = []
  const used = new Map()
  let title = ""
  const plain = (tokens) => tokens.map((token) => token.tokens ? plain(token.tokens) : token.text ?? "").join("")
  const href = (target) => {
    if (/^(?:[a-z]+:|#)/i.test(target)) {
      return target
    }
    const [path, anchor] = target.split("#")
    return link(resolve(path)) + (anchor ? `#${anchor}` : "")
  }
  const resolve = (path) => posix.normalize(posix.join(posix.dirname(file), path))
  const marked = new Marked({
    renderer: {
      heading({ depth, tokens }) {
        const text = plain(tokens)
        const count = used.get(slug(text)) ?? 0
        used.set(slug(text), count + 1)
        const id = count === 0 ? slug(text) : `${slug(text)}-${count}`
        title ||= text
        sections.push({ title: text, id, text: "" })
        return `<h${depth} id="${id}">${this.parser.parseInline(tokens)}</h${depth}>\n`
      },
      code({ lang, text }) {
        return codeBlock(text, lang)
      },
      link({ href: target, tokens }) {
        const named = plain(tokens).endsWith(".md") ? link.titleOf(resolve(target.split("#")[0])) : undefined
        return `<a href="${escape(href(target))}">${
          named === undefined ? this.parser.parseInline(tokens) : escape(named)
        }</a>`
      },
      image({ href: target, text }) {
        return `<img src="${escape(href(target))}" alt="${escape(text)}" loading="lazy">`
      },
      table(token) {
        const row = (cells, tag) =>
          `<tr>${cells.map((cell) => `<${tag}>${this.parser.parseInline(cell.tokens)}</${tag}>`).join("")}</tr>`
        const body = token.rows.map((cells) => row(cells, "td")).join("")
        return `<div class="table" tabindex="0"><table><thead>${
          row(token.header, "th")
        }</thead><tbody>${body}</tbody></table></div>\n`
      }
    }
  })
  const all = marked.lexer(markdown)
  const html = marked.parser(all)
  let index = -1
  for (const token of all) {
    if (token.type === "heading") {
      index++
    } else if (index >= 0 && token.type !== "code") {
      sections[index].text += ` ${
        token.raw.replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/[`*|]|-{3,}|^#+ /gm, " ")
      }`
    }
  }
  return { html, title, sections }
}
