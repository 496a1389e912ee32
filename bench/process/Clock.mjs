/** One clock for all processes of the machine (ms). */
export const now = () => Number(process.hrtime.bigint()) / 1e6
