/** A user: whether and how it may sign in, and its selectors, of which the first takes the rules outside of parentheses. */

import { splitArguments } from "@kvcluster/protocol/split-arguments";
import type { CommandCatalogue } from "./command-catalogue.ts";
import { hashPassword, isOneOf, isPasswordHash } from "./passwords.ts";
import { Selector } from "./selector.ts";
import { applySelectorRule, RULE_ERRORS, type RuleError } from "./selector-rules.ts";

export interface UserOptions {
  readonly catalogue: CommandCatalogue;
  /** `acl-pubsub-default`: whether new selectors allow all channels. */
  readonly allowsChannels: () => boolean;
}

export class User {
  readonly name: string;
  readonly #options: UserOptions;
  isEnabled = false;
  needsNoPassword = false;
  /** What was said of the payloads it restores; kept and shown only, since every payload is checked. */
  sanitizing: "" | "sanitize-payload" | "skip-sanitize-payload" = "";
  /** SHA-256 in hexadecimal digits. */
  passwords: string[] = [];
  selectors: [root: Selector, ...others: Selector[]];

  constructor(name: string, options: UserOptions) {
    this.name = name;
    this.#options = options;
    this.selectors = [this.#newSelector()];
  }

  copyFrom(other: User): void {
    this.isEnabled = other.isEnabled;
    this.needsNoPassword = other.needsNoPassword;
    this.sanitizing = other.sanitizing;
    this.passwords = [...other.passwords];
    const [root, ...others] = other.selectors;
    this.selectors = [root.clone(), ...others.map((selector) => selector.clone())];
  }

  clone(): User {
    const copy = new User(this.name, this.#options);
    copy.copyFrom(this);
    return copy;
  }

  /** There is nothing to check for its commands. */
  get isUnrestricted(): boolean {
    return this.selectors.some((selector) => selector.isUnrestricted);
  }

  accepts(password: Uint8Array): boolean {
    return this.isEnabled && (this.needsNoPassword || isOneOf(this.passwords, password));
  }

  /** Applies one rule, or says why it is none; it may then have been applied in part, so try it on a copy. */
  apply(rule: string): RuleError {
    const word = WORDS.get(rule.toLowerCase());
    if (word !== undefined) {
      word(this);
      return undefined;
    }
    if (/^[>#<!]/.test(rule)) return this.#changePasswords(rule);
    if (rule.startsWith("(") && rule.endsWith(")")) return this.#addSelector(rule.slice(1, -1));
    return applySelectorRule(this.selectors[0], rule, this.#options.catalogue);
  }

  reset(): void {
    this.isEnabled = false;
    this.needsNoPassword = false;
    this.sanitizing = "sanitize-payload";
    this.passwords = [];
    this.selectors = [this.#newSelector()];
  }

  flagNames(): string[] {
    const names = [this.isEnabled ? "on" : "off"];
    if (this.needsNoPassword) names.push("nopass");
    if (this.sanitizing !== "") names.push(this.sanitizing);
    return names;
  }

  /** Rules that make this user out of a new one, as a line of a file has them. */
  describe(): string {
    const [root, ...others] = this.selectors;
    const passwords = this.passwords.map((hash) => `#${hash}`);
    const selectors = others.map((selector) => `(${selector.describe()})`);
    return [...this.flagNames(), ...passwords, root.describe(), ...selectors].join(" ");
  }

  #newSelector(): Selector {
    return new Selector(this.#options.catalogue, this.#options.allowsChannels());
  }

  #changePasswords(rule: string): RuleError {
    const isHash = rule.startsWith("#") || rule.startsWith("!");
    const text = rule.slice(1);
    if (isHash && !isPasswordHash(text)) return RULE_ERRORS.badHash;
    const hash = isHash ? text : hashPassword(Buffer.from(text, "latin1"));
    const isKnown = this.passwords.includes(hash);
    if (rule.startsWith(">") || rule.startsWith("#")) {
      if (!isKnown) this.passwords.push(hash);
      this.needsNoPassword = false;
      return undefined;
    }
    if (!isKnown) return RULE_ERRORS.noSuchPassword;
    this.passwords = this.passwords.filter((candidate) => candidate !== hash);
    return undefined;
  }

  #addSelector(rules: string): RuleError {
    const selector = this.#newSelector();
    for (const rule of splitArguments(rules) ?? []) {
      const error = applySelectorRule(selector, rule, this.#options.catalogue);
      if (error !== undefined) return error;
    }
    this.selectors.push(selector);
    return undefined;
  }
}

type WordRule = (user: User) => void;

const WORDS: ReadonlyMap<string, WordRule> = new Map<string, WordRule>([
  ["on", (user) => Object.assign(user, { isEnabled: true })],
  ["off", (user) => Object.assign(user, { isEnabled: false })],
  ["nopass", (user) => Object.assign(user, { needsNoPassword: true, passwords: [] })],
  ["resetpass", (user) => Object.assign(user, { needsNoPassword: false, passwords: [] })],
  ["sanitize-payload", (user) => Object.assign(user, { sanitizing: "sanitize-payload" })],
  ["skip-sanitize-payload", (user) => Object.assign(user, { sanitizing: "skip-sanitize-payload" })],
  ["clearselectors", (user) => Object.assign(user, { selectors: [user.selectors[0]] })],
  ["reset", (user) => user.reset()],
]);
