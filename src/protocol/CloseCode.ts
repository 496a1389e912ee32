/**
 * WebSocket close codes (RFC 6455, section 7.4.1) and their names.
 *
 * @since 0.1.0
 */
/**
 * "Service restart": a node sends its clients away, and they connect again, to whoever answers. What has not been
 * answered
 * by then has not been begun, and may be asked again.
 *
 * @since 1.0.0
 * @category constants
 */
export const serviceRestart = 1012

const explanations: ReadonlyMap<number, string> = new Map([
  [1000, "Normal closure"],
  [1001, "Going away"],
  [1002, "Protocol error"],
  [1003, "Unsupported data"],
  [1004, "Reserved"],
  [1005, "No status received"],
  [1006, "Abnormal closure"],
  [1007, "Invalid frame payload data"],
  [1008, "Policy violation"],
  [1009, "Message too big"],
  [1010, "Mandatory extension"],
  [1011, "Internal server error"],
  [1015, "TLS handshake"]
])

/**
 * The name RFC 6455 gives a close code; `"Unknown"` for any other.
 *
 * @since 0.1.0
 * @category utilities
 */
export const explain = (code: number | undefined): string =>
  (code === undefined ? undefined : explanations.get(code)) ?? "Unknown"
