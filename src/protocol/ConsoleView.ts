/** What Node's `console.log` shows of an object: a few facts in place of its internals. */
const custom = Symbol.for("nodejs.util.inspect.custom")

type Inspect = (u: unknown, options: object) => string

/** Shows an object, or what has this prototype, by a name and these facts. */
export const as = <A extends object>(target: A, name: string, facts: (self: A) => object): A =>
  Object.defineProperty(target, custom, {
    value(this: A, _depth: number, options: object, inspect: Inspect) {
      return `${name} ${inspect(facts(this), options)}`
    }
  })
