/** A server that answers: what a pass may ask and tell it over one connection. */

import type { Action } from "../topology/action.ts";
import type { NodeObservation } from "../topology/cluster-view.ts";
import { type DirectivePairs, readConfiguration, setDirectives } from "./configuration.ts";
import { executeAction } from "./execute-action.ts";
import { connectNode, type NodeEndpoint } from "./node-connection.ts";
import { observeMember } from "./observe-member.ts";
import { observeNode } from "./observe-node.ts";
import { holdAndSave, pauseAndSave, release, resume, type SaveState } from "./save-before-stop.ts";
import { deleteUser, readUsers, setUser } from "./users.ts";

export interface KvSession {
  observe(): Promise<NodeObservation>;
  /** The same of a server outside of a cluster. */
  observeMember(): Promise<NodeObservation>;
  execute(action: Action): Promise<void>;
  /** Clients may use it besides those that they use, and replicas use it towards their primary. */
  acceptPassword(password: string): Promise<void>;
  /** Clients may use this one only. */
  dropOtherPasswords(password: string): Promise<void>;
  /** What it runs with, of those directives that it knows. */
  configuration(names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Changes directives while it runs, all or none. Returns its words when it does not take them. */
  configure(pairs: DirectivePairs): Promise<string | undefined>;
  /** What it says of its users, by name. */
  users(): Promise<ReadonlyMap<string, string>>;
  /** Makes a user what the words say. Returns the server's reason when it does not take them. */
  setUser(name: string, words: readonly string[]): Promise<string | undefined>;
  deleteUser(name: string): Promise<void>;
  /** Nobody writes any more, nobody takes over, and what it holds goes to its disk. To be repeated until it says "saved". */
  holdAndSave(): Promise<SaveState>;
  /** Undoes that. */
  release(mayFailOver: boolean): Promise<void>;
  /** Nobody writes for the moment, and what it holds goes to its disk. To be repeated until it says "saved". */
  pauseAndSave(): Promise<SaveState>;
  /** Undoes that. */
  resume(): Promise<void>;
  close(): void;
}

export async function openKvSession(endpoint: NodeEndpoint): Promise<KvSession> {
  const connection = await connectNode(endpoint);
  return {
    observe: () => observeNode(connection),
    observeMember: () => observeMember(connection),
    execute: (action) => executeAction(connection, action),
    acceptPassword: async (password) => {
      await connection.command("ACL", "SETUSER", "default", `>${password}`);
      await connection.command("CONFIG", "SET", "masterauth", password);
    },
    dropOtherPasswords: async (password) => {
      await connection.command("CONFIG", "SET", "requirepass", password);
    },
    configuration: (names) => readConfiguration(connection, names),
    configure: (pairs) => setDirectives(connection, pairs),
    users: () => readUsers(connection),
    setUser: (name, words) => setUser(connection, name, words),
    deleteUser: (name) => deleteUser(connection, name),
    holdAndSave: () => holdAndSave(connection),
    release: (mayFailOver) => release(connection, mayFailOver),
    pauseAndSave: () => pauseAndSave(connection),
    resume: () => resume(connection),
    close: () => connection.close(),
  };
}
