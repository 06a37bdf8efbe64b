/** A word of `bind`: a leading minus marks an address that may be missing; `*` is every address of IPv4, `::*` of IPv6. */

export interface BindAddress {
  readonly host: string;
  readonly isOptional: boolean;
}

export function bindAddress(word: string): BindAddress {
  const isOptional = word.startsWith("-");
  const name = isOptional ? word.slice(1) : word;
  return { host: name === "*" ? "0.0.0.0" : name === "::*" ? "::" : name, isOptional };
}
