/** An upgrade that the server answered with something else. */

/** Says which HTTP status the server refused the upgrade with. Only Node learns it. */
export class UpgradeError extends Error {
  constructor(readonly statusCode: number | undefined) {
    super(`Unexpected server response: ${statusCode}`)
  }
}
