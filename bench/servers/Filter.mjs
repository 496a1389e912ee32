/**
 * The publish filters of the scenarios, by name. All are synchronous; every subscriber matches, so that deliveries can
 * be counted.
 */
let overrides = 100_000

export const filters = {
  /** Decides from the message, the parameters and the internal data, as an application would. */
  match: (_path, message, { internal, params }) => message.seq >= internal.least && params.id !== undefined,

  /** Gives every subscriber a message of its own. */
  override: (_path, message) => ({ override: { ...message, seq: ++overrides } })
}
