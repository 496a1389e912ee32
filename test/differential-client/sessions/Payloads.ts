/** What answers may carry, shared by the sessions that refuse something. */

/** Every shape of an error answer's payload, hostile ones included. */
export const serverErrorPayloads: ReadonlyArray<readonly [string, object]> = [
  ["an object with a message", { payload: { error: "Not Found", message: "No such item", statusCode: 404 } }],
  ["an object with an error only", { payload: { error: "Not Found" } }],
  ["an object with neither", { payload: { reason: "none" } }],
  ["an object with an empty message", { payload: { error: "Not Found", message: "" } }],
  ["an object with a number for a message", { payload: { message: 5 } }],
  ["an object with an object for a message", { payload: { message: { text: "no" } } }],
  ["an array", { payload: ["no"] }],
  ["a string", { payload: "no" }],
  ["an empty string", { payload: "" }],
  ["a number", { payload: 5 }],
  ["false", { payload: false }],
  ["null", { payload: null }],
  ["missing", {}]
]

/** Messages no client asked for. */
export const hostile = {
  unknownId: { type: "request", id: 99, statusCode: 200, payload: "stray" }
}
