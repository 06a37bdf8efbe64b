/** The cluster's settings, read from the live configuration at each use, so that CONFIG SET takes effect at once. */

import type { Config } from "../config/config.ts";
import type { ClusterSettings } from "./state.ts";

/** Ports this node really listens on; known only after it does. */
export interface ListeningPorts {
  port: number;
  tlsPort: number;
  busPort: number;
}

const BUS_PORT_OFFSET = 10_000;

/**
 * Where the bus listens: `cluster-port`, or 10,000 above the client port (any free port for port 0), which is the one for TLS
 * where the bus is encrypted.
 */
export function busPortFor(config: Pick<Config, "get">, port: number): number {
  const configured = config.get("cluster-port");
  if (configured !== 0) return configured;
  if (config.get("tls-cluster")) return config.get("tls-port") + BUS_PORT_OFFSET;
  return config.get("port") === 0 ? 0 : port + BUS_PORT_OFFSET;
}

export function liveSettings(config: Pick<Config, "get">, ports: ListeningPorts): ClusterSettings {
  return {
    get isEncrypted() {
      return config.get("tls-cluster");
    },
    get isReplicationEncrypted() {
      return config.get("tls-replication");
    },
    get port() {
      return config.get("tls-cluster") ? ports.tlsPort : ports.port;
    },
    get plainPort() {
      return config.get("tls-cluster") ? ports.port : 0;
    },
    get busPort() {
      return ports.busPort;
    },
    get nodeTimeoutMs() {
      return config.get("cluster-node-timeout");
    },
    get requireFullCoverage() {
      return config.get("cluster-require-full-coverage");
    },
    get allowReadsWhenDown() {
      return config.get("cluster-allow-reads-when-down");
    },
    get allowShardChannelsWhenDown() {
      return config.get("cluster-allow-pubsubshard-when-down");
    },
    get replicaValidityFactor() {
      return config.get("cluster-replica-validity-factor");
    },
    get manualFailoverTimeoutMs() {
      return config.get("cluster-manual-failover-timeout");
    },
    get replicaNoFailover() {
      return config.get("cluster-replica-no-failover");
    },
    get replicationPingPeriodMs() {
      return config.get("repl-ping-replica-period") * 1000;
    },
    get allowReplicaMigration() {
      return config.get("cluster-allow-replica-migration");
    },
    get migrationBarrier() {
      return config.get("cluster-migration-barrier");
    },
    get announceIp() {
      return config.get("cluster-announce-ip");
    },
    get announcePort() {
      return config.get("cluster-announce-port");
    },
    get announceTlsPort() {
      return config.get("cluster-announce-tls-port");
    },
    get announceBusPort() {
      return config.get("cluster-announce-bus-port");
    },
    get announceHostname() {
      return config.get("cluster-announce-hostname");
    },
    get announceNodeName() {
      return config.get("cluster-announce-human-nodename");
    },
    get announceExternalHost() {
      return config.get("cluster-announce-external-host");
    },
    get announceExternalPort() {
      return config.get("cluster-announce-external-port");
    },
    get preferredEndpointType() {
      return config.get("cluster-preferred-endpoint-type");
    },
  };
}
