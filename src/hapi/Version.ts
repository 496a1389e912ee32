/** The version of the package, as hapi is told it. */
export const version = "1.0.0"
