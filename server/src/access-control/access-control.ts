/**
 * All users. There is always one named `default`: every connection is its until AUTH, and it is never replaced, only changed.
 * Who is connected as whom is not known here: callers are told which user changed and see to its clients.
 */

import { AccessLog } from "./access-log.ts";
import type { CommandCatalogue } from "./command-catalogue.ts";
import type { DenialKind } from "./permissions.ts";
import { mergeSelectorWords } from "./rule-words.ts";
import { hasSpaces } from "./selector-rules.ts";
import { User, type UserOptions } from "./user.ts";

export const DEFAULT_USER = "default";

export interface AccessControlOptions {
  readonly catalogue: CommandCatalogue;
  readonly allowsChannels: () => boolean;
  readonly logLength: () => number;
}

export interface UserChange {
  readonly user: User;
  /** As it was before; undefined for a new user. */
  readonly before: User | undefined;
}

export class AccessControl {
  readonly #users = new Map<string, User>();
  readonly #options: UserOptions;
  readonly catalogue: CommandCatalogue;
  readonly defaultUser: User;
  readonly log: AccessLog;
  /** Refusals since the start or CONFIG RESETSTAT, for INFO. */
  readonly denials: Record<DenialKind, number> = { command: 0, key: 0, auth: 0, channel: 0 };

  constructor({ catalogue, allowsChannels, logLength }: AccessControlOptions) {
    this.catalogue = catalogue;
    this.#options = { catalogue, allowsChannels };
    this.log = new AccessLog(logLength);
    this.defaultUser = this.newUser(DEFAULT_USER);
    for (const rule of UNRESTRICTED_RULES) this.defaultUser.apply(rule);
    this.#users.set(DEFAULT_USER, this.defaultUser);
  }

  /** Not among the users yet. */
  newUser(name: string): User {
    return new User(name, this.#options);
  }

  get(name: string): User | undefined {
    return this.#users.get(name);
  }

  /** In order of their names' bytes. */
  all(): User[] {
    return [...this.#users.keys()].sort().map((name) => this.#users.get(name) as User);
  }

  /** Whether a connection has to sign in before it may do anything. */
  get requiresAuthentication(): boolean {
    return !this.defaultUser.needsNoPassword || !this.defaultUser.isEnabled;
  }

  /** The user if the password is right and the user may sign in. */
  authenticate(name: string, password: Uint8Array): User | undefined {
    const user = this.#users.get(name);
    return user?.accepts(password) === true ? user : undefined;
  }

  /** ACL SETUSER: all rules or none. Gives the text of the refusal, or what changed. */
  setUser(name: string, words: readonly string[]): string | UserChange {
    if (hasSpaces(name)) return "Usernames can't contain spaces or null characters";
    const known = this.#users.get(name);
    const merged = mergeSelectorWords(words);
    if ("unmatched" in merged) return `Unmatched parenthesis in acl selector starting at '${merged.unmatched}'.`;
    const draft = known?.clone() ?? this.newUser(name);
    for (const rule of merged.rules) {
      const error = draft.apply(rule);
      if (error !== undefined) return `Error in ACL SETUSER modifier '${upToZero(rule)}': ${error}`;
    }
    return this.put(draft);
  }

  /** Takes a new user in; what is known of a user of that name is replaced. */
  put(user: User): UserChange {
    const known = this.#users.get(user.name);
    const before = known?.clone();
    known?.copyFrom(user);
    if (known === undefined) this.#users.set(user.name, user);
    return { user: known ?? user, before };
  }

  /** Gives the user that is gone. */
  delete(name: string): User | undefined {
    if (name === DEFAULT_USER) return undefined;
    const user = this.#users.get(name);
    this.#users.delete(name);
    return user;
  }

  /** `requirepass`: the password of the default user; "" for none. */
  setDefaultPassword(password: string): undefined {
    this.defaultUser.apply("resetpass");
    this.defaultUser.apply(password === "" ? "nopass" : `>${password}`);
    return undefined;
  }

  resetStatistics(): void {
    Object.assign(this.denials, { command: 0, key: 0, auth: 0, channel: 0 });
  }

  /**
   * Puts these users in place of all. Users that stay are the same objects as before, so that their clients stay theirs;
   * `default` becomes a fresh one if it is not among them. Gives what changed, and who is gone.
   */
  replaceAll(users: readonly User[]): { readonly changes: UserChange[]; readonly gone: User[] } {
    const wanted = new Map(users.map((user) => [user.name, user]));
    if (!wanted.has(DEFAULT_USER)) {
      const fresh = this.newUser(DEFAULT_USER);
      for (const rule of UNRESTRICTED_RULES) fresh.apply(rule);
      wanted.set(DEFAULT_USER, fresh);
    }
    const gone = [...this.#users.values()].filter((user) => !wanted.has(user.name));
    for (const user of gone) this.#users.delete(user.name);
    return { changes: [...wanted.values()].map((user) => this.put(user)), gone };
  }
}

const UNRESTRICTED_RULES = ["+@all", "~*", "&*", "on", "nopass"] as const;

/** What of it Redis' formats show. */
function upToZero(text: string): string {
  return text.split("\0", 1)[0] ?? "";
}
