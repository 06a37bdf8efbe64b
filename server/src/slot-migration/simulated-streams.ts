/**
 * For tests: connections between simulated nodes on which data moves. What is sent comes in order or not at all; it waits while
 * there is no way, or while the receiver stands still. A process that is killed leaves what it has sent to its machine, which
 * closes the connection behind it; a machine without power says nothing any more, nor does one that has got another address.
 */

import type { SimulatedCluster, SimulatedNode } from "../cluster/simulated-cluster.ts";
import type { ClusterState } from "../cluster/state.ts";

export interface StreamEvents {
  received(bytes: Buffer): void;
  closed(): void;
}

export interface StreamEnd {
  write(bytes: Buffer): void;
  /** Nothing is heard of it any more. */
  destroy(): void;
}

interface End {
  readonly node: SimulatedNode;
  /** Of the process that has it. */
  readonly state: ClusterState;
  readonly ip: string;
  events: StreamEvents | undefined;
  peer: End | undefined;
  /** From here, in order; undefined: the end. */
  readonly sent: { readonly at: number; readonly bytes: Buffer | undefined }[];
  isOpen: boolean;
  isDelivering: boolean;
}

const RETRY_MS = 200;

export class SimulatedStreams {
  readonly #cluster: SimulatedCluster;
  #ends: End[] = [];

  constructor(cluster: SimulatedCluster) {
    this.#cluster = cluster;
  }

  /** `accept` is asked for the events of the other end once that has heard of the connection. */
  connect(
    node: SimulatedNode,
    host: string,
    events: StreamEvents & { opened(): void; failed(reason: string): void },
    accept: (peer: SimulatedNode, end: StreamEnd) => StreamEvents,
  ): StreamEnd {
    const cluster = this.#cluster;
    const end = this.#createEnd(node, events);
    const attempt = (): void => {
      if (!end.isOpen) return;
      const peer = cluster.nodes.find((other) => other.ip === host && other.isUp);
      if (peer === undefined || peer === node) {
        events.failed("connection refused");
        events.closed();
      } else if (!cluster.hears(peer, node) || !cluster.hears(node, peer)) cluster.after(node, RETRY_MS, attempt);
      else {
        const other = this.#createEnd(peer, undefined);
        [end.peer, other.peer] = [other, end];
        other.events = accept(peer, this.#handle(other));
        events.opened();
      }
    };
    cluster.after(node, cluster.delay(node), attempt);
    return this.#handle(end);
  }

  /** `isSudden`: the power of its machine is gone. */
  crashed(node: SimulatedNode, isSudden: boolean): void {
    for (const end of this.#endsOf(node)) {
      if (isSudden) this.#forget(end);
      else this.#close(end);
    }
  }

  /** A process begins where another has been. */
  started(node: SimulatedNode): void {
    for (const end of this.#endsOf(node)) if (end.ip !== node.ip) this.#forget(end);
  }

  #endsOf(node: SimulatedNode): End[] {
    return this.#ends.filter((end) => end.node === node);
  }

  #createEnd(node: SimulatedNode, events: StreamEvents | undefined): End {
    const end: End = {
      ...{ node, state: node.state, ip: node.ip, events, peer: undefined, sent: [] },
      ...{ isOpen: true, isDelivering: false },
    };
    this.#ends.push(end);
    return end;
  }

  #handle(end: End): StreamEnd {
    return { write: (bytes) => this.#send(end, bytes), destroy: () => this.#close(end) };
  }

  /** What was on its way is lost with it. */
  #forget(end: End): void {
    end.isOpen = false;
    end.sent.length = 0;
    this.#ends = this.#ends.filter((other) => other !== end);
  }

  #close(end: End): void {
    if (!end.isOpen) return;
    this.#send(end, undefined);
    end.isOpen = false;
  }

  #send(end: End, bytes: Buffer | undefined): void {
    const { lossRate, random, now } = this.#cluster;
    if (!end.isOpen || end.peer === undefined) return;
    if (lossRate > 0 && random.uint32() / 2 ** 32 < lossRate) {
      this.#break(end);
      return;
    }
    const earliest = end.sent.at(-1)?.at ?? 0;
    end.sent.push({ at: Math.max(now + this.#cluster.delay(end.node), earliest), bytes });
    this.#deliver(end);
  }

  /** Both ends learn of it. */
  #break(end: End): void {
    for (const each of [end, end.peer]) {
      if (each === undefined || !this.#isAlive(each) || !each.isOpen) continue;
      each.isOpen = false;
      this.#cluster.after(each.node, this.#cluster.delay(each.node), () => each.events?.closed());
      this.#forget(each);
    }
  }

  #isAlive({ node, state }: End): boolean {
    return node.isUp && node.state === state;
  }

  #deliver(end: End): void {
    if (end.isDelivering) return;
    end.isDelivering = true;
    const cluster = this.#cluster;
    const attempt = (): void => {
      const [first] = end.sent;
      const { peer } = end;
      if (first === undefined || peer === undefined) {
        end.isDelivering = false;
        return;
      }
      const waitMs = first.at - cluster.now;
      if (waitMs > 0) cluster.at(waitMs, attempt);
      else if (!this.#hasWay(end, peer)) cluster.at(RETRY_MS, attempt);
      else if (!this.#isAlive(peer)) this.#refused(end, peer);
      else if (peer.node.frozenUntil > cluster.now) cluster.at(peer.node.frozenUntil - cluster.now, attempt);
      else {
        end.sent.shift();
        this.#hand(peer, first.bytes);
        attempt();
      }
    };
    attempt();
  }

  /** Also for what a killed process has left to its machine. */
  #hasWay({ node: { side, unheardBy } }: End, peer: End): boolean {
    return side === peer.node.side && !unheardBy.has(peer.node);
  }

  #hand(peer: End, bytes: Buffer | undefined): void {
    if (!peer.isOpen) return;
    if (bytes !== undefined) {
      peer.events?.received(bytes);
      return;
    }
    peer.isOpen = false;
    peer.events?.closed();
  }

  /** The process that was there is no more. Its machine says so, if it is still there. */
  #refused(end: End, peer: End): void {
    end.isDelivering = false;
    end.sent.length = 0;
    if (!end.isOpen || !peer.node.isUp || peer.node.ip !== peer.ip) return;
    end.isOpen = false;
    if (this.#isAlive(end)) this.#cluster.after(end.node, this.#cluster.delay(end.node), () => end.events?.closed());
  }
}
