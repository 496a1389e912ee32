/** Whether the long versions of tests are to run: `npm run test:long`. */
export const isLong = process.env.LONG === "1"
