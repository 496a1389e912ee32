// A script beside the script tag, which no module makes a module of.
/// <reference types="effect-nes/browser/global" />

const client: nes.Client = new nes.Client("ws://localhost:8000")
const handler: EffectNes.Handler<{ readonly id: number }> = ({ id }) => void id.toFixed()
void client.subscribe("/item/5", handler)
client.onError = (error: nes.NesError) => {
  if (error instanceof EffectNes.ServerError) {
    error.statusCode.toFixed()
  }
}
