/** Nodes of one cluster, in this process: hapi servers that share a Redis and nothing else. */
import { redis } from "../../src/redis.js"
import type { Options } from "../../src/redis/RedisBroker.js"
import { type Node, type NodeOptions, startNodeOn } from "../cluster/Cluster.js"
import type { RedisServer } from "./RedisServer.js"

export { as, hear, type Node, until } from "../cluster/Cluster.js"

export const startNode = (
  address: RedisServer,
  { broker = {}, ...options }: NodeOptions & { readonly broker?: Partial<Options> } = {}
): Promise<Node> => startNodeOn((onEvent) => redis({ url: address.url, timeout: 10_000, ...broker, onEvent }), options)
