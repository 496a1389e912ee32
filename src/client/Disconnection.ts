/** What the end of a connection means: which error it is, and whether it is told as a disconnection. */
import * as CloseCode from "../protocol/CloseCode.js"
import { type NesError, TimeoutError, WsError } from "../protocol/NesError.js"
import * as Thrown from "../protocol/Thrown.js"
import type { Connection, End } from "./Connection.js"
import type { DisconnectLog } from "./Observer.js"
import { UpgradeError } from "./Socket.js"

/** The error in the end of a connection, if it is one (interop.md, "Client errors"). */
export const toError = (connection: Connection, end: End, willReconnect: boolean): NesError | undefined => {
  switch (end.how) {
    case "invalid":
      return Thrown.toUserError(end.error)
    case "timeout":
      return new TimeoutError({ message: "Connection timed out" })
    case "error":
      if (!willReconnect) {
        return wsError("Socket error", end.error)
      }
  }
  return connection.hasOpened
    ? undefined
    : wsError("Connection terminated while waiting to connect", end.error)
}

const wsError = (message: string, cause: unknown): WsError =>
  new WsError({
    message,
    ...(cause === undefined ? undefined : { cause }),
    ...(cause instanceof UpgradeError ? { statusCode: cause.statusCode } : undefined)
  })

/** Whether the application is told: not where the socket did not open in time, or never will. */
export const isDisconnection = (connection: Connection, end: End, willReconnect: boolean): boolean =>
  connection.hasOpened || end.how === "close" || (end.how === "error" && willReconnect)

/** What the application is told about a disconnection. */
export const toLog = ({ close }: End, willReconnect: boolean, wasRequested: boolean): DisconnectLog => ({
  code: close.code,
  explanation: CloseCode.explain(close.code),
  reason: close.reason,
  wasClean: close.wasClean,
  willReconnect,
  wasRequested
})
