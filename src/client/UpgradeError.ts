/**
 * An upgrade that the server answered with something else.
 *
 * @since 1.0.0
 */

/**
 * Says which HTTP status the server refused the upgrade with. Only Node learns it.
 *
 * @since 1.0.0
 * @category errors
 */
export class UpgradeError extends Error {
  constructor(readonly statusCode: number | undefined) {
    super(`Unexpected server response: ${statusCode}`)
  }
}
