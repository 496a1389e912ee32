/** The frame of every page: navigation, search, content. */
import { escape } from "./markdown.mjs"

const up = (path) => "../".repeat(path.split("/").length - 1)

const navigation = (groups, path) =>
  groups.map(({ items, title }) =>
    `<section><h2>${escape(title)}</h2><ul>${
      items.map((item) =>
        `<li><a href="${up(path)}${item.path}"${item.path === path ? " aria-current=\"page\"" : ""}>${
          escape(item.title)
        }</a></li>`
      ).join("")
    }</ul></section>`
  ).join("")

/** `path` is that of the page at the site, `html` its content. */
export const page = ({ groups, html, path, title }) =>
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(title)} · effect-nes</title>
<link rel="icon" href="${up(path)}assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${up(path)}assets/style.css">
<script src="${up(path)}assets/search.js" data-root="${up(path)}" defer></script>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header>
<a class="home" href="${up(path)}index.html">effect-nes</a>
<form role="search" class="search">
<label for="search">Search</label>
<input id="search" type="search" placeholder="Search (press /)" autocomplete="off" aria-controls="results">
<ol id="results" aria-label="Results" hidden></ol>
<p id="found" role="status" class="hidden"></p>
</form>
</header>
<div class="columns">
<details class="menu">
<summary>Contents</summary>
<nav aria-label="Pages">${navigation(groups, path)}</nav>
</details>
<main id="content" tabindex="-1">
${html}
</main>
</div>
</body>
</html>
`
