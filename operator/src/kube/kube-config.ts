// The one place that knows @kubernetes/client-node: it finds the API server and our credentials (in a pod, from
// KUBECONFIG, from ~/.kube/config) and renews tokens. Calls, watches and errors are ours (client.ts): the package's own
// do not retry, do not page, and stop watching for good on the first refusal.
import type { RequestOptions } from "node:https";
import { KubeConfig } from "@kubernetes/client-node";
import type { Endpoint } from "./http-transport.ts";

export interface LoadedConfig {
  readonly endpoint: Endpoint;
  /** The namespace of the current context: in a pod, the pod's own. */
  readonly namespace: string | undefined;
}

export interface ConfigChoice {
  /** A file instead of what is found. */
  readonly path?: string | undefined;
  /** Another context than the current one. */
  readonly context?: string | undefined;
}

export function loadKubeConfig({ path, context }: ConfigChoice = {}): LoadedConfig {
  const config = new KubeConfig();
  if (path === undefined) config.loadFromDefault();
  else config.loadFromFile(path);
  if (context !== undefined) {
    if (config.getContextObject(context) === null) {
      throw new Error(`Kubernetes configuration: there is no context "${context}"`);
    }
    config.setCurrentContext(context);
  }
  return fromKubeConfig(config);
}

/** A config given as text, for tools and tests. */
export function parseKubeConfig(text: string): LoadedConfig {
  const config = new KubeConfig();
  config.loadFromString(text);
  return fromKubeConfig(config);
}

function fromKubeConfig(config: KubeConfig): LoadedConfig {
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw new Error("Kubernetes configuration: the current context names no cluster");
  }
  const hasProxy = cluster.proxyUrl !== undefined;
  return {
    namespace: config.getContextObject(config.getCurrentContext())?.namespace,
    endpoint: {
      url: cluster.server,
      requestOptions: async () => {
        const options: RequestOptions = {};
        await config.applyToHTTPSOptions(options);
        if (!hasProxy) {
          // Its agent opens a connection for every request; ours keeps them, apart by credentials.
          delete options.agent;
        }
        return options;
      },
    },
  };
}
