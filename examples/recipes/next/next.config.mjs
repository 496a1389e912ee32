/** What is not to be bundled for the server, and StrictMode in development. */
export default { reactStrictMode: true, serverExternalPackages: ["effect-nes", "@hapi/hapi"] }
