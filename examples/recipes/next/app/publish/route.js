/** A route handler that publishes. */
export const POST = async (request) => {
  const { message, path } = await request.json()
  await globalThis.hapi.publish(path, message)
  return Response.json({ published: path })
}
