/// <reference types="effect-nes/browser/global" />

export const client: nes.Client = new EffectNes.Client("ws://localhost:8000")
