/**
 * WebSocket close codes (RFC 6455, section 7.4.1) and their names.
 *
 * @since 0.1.0
 */
/**
 * "Going away": a server is shutting down, or the connection has become too old.
 *
 * @since 1.0.0
 * @category constants
 */
export const goingAway = 1001

/**
 * "Protocol error": what the server has answered to a hello makes no sense.
 *
 * @since 1.0.0
 * @category constants
 */
export const protocolError = 1002

/**
 * Never sent: the connection ended without a close frame.
 *
 * @since 1.0.0
 * @category constants
 */
export const abnormalClosure = 1006

/**
 * "Policy violation": a client keeps to no rule: it says no hello, or sends too much.
 *
 * @since 1.0.0
 * @category constants
 */
export const policyViolation = 1008

/**
 * "Message too big": a frame or a message is longer than the other side takes.
 *
 * @since 1.0.0
 * @category constants
 */
export const messageTooBig = 1009

/**
 * "Internal server error": a side failed at what it should not have.
 *
 * @since 1.0.0
 * @category constants
 */
export const internalError = 1011

/**
 * "Service restart": a node sends its clients away, and they connect again, to whoever answers. What has not been
 * answered by then has not been begun, and may be asked again.
 *
 * @since 1.0.0
 * @category constants
 */
export const serviceRestart = 1012

/**
 * "Try again later": a client reads too slowly.
 *
 * @since 1.0.0
 * @category constants
 */
export const tryAgainLater = 1013

/**
 * The names that RFC 6455 gives close codes.
 *
 * @since 1.0.0
 * @category constants
 */
export const explanations = {
  1000: "Normal closure",
  1001: "Going away",
  1002: "Protocol error",
  1003: "Unsupported data",
  1004: "Reserved",
  1005: "No status received",
  1006: "Abnormal closure",
  1007: "Invalid frame payload data",
  1008: "Policy violation",
  1009: "Message too big",
  1010: "Mandatory extension",
  1011: "Internal server error",
  1015: "TLS handshake"
} as const

/**
 * The name RFC 6455 gives a close code; `"Unknown"` for any other.
 *
 * @since 0.1.0
 * @category utilities
 */
export const explain = (code: number | undefined): string => explanations[code as 1000] ?? "Unknown"
