declare module "@hapi/bounce" {
  export function isSystem(error: Error): boolean
}
