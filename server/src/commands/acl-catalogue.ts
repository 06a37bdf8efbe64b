/** The command table as the rules of users see it. */

import type { CommandCatalogue } from "../access-control/command-catalogue.ts";
import { ACL_CATEGORIES, aclCategories } from "./acl-categories.ts";
import type { CommandRow } from "./command.ts";
import type { CommandTable } from "./command-table.ts";

export function createCommandCatalogue(table: CommandTable): CommandCatalogue {
  const ids = new Map<string, number>();
  const subcommands = new Map<number, number[]>();
  const categories = new Map<string, number[]>(ACL_CATEGORIES.map((category) => [category, []]));
  for (let id = 1; id < table.size; id++) {
    const name = table.fullNames[id] as string;
    ids.set(name, id);
    const bar = name.indexOf("|");
    if (bar >= 0) {
      const container = ids.get(name.slice(0, bar)) as number;
      subcommands.set(container, [...(subcommands.get(container) ?? []), id]);
    }
    for (const category of aclCategories(table.rows[id] as CommandRow)) categories.get(category)?.push(id);
  }
  return {
    size: table.size,
    idOf: (fullName) => ids.get(fullName.toLowerCase()) ?? 0,
    fullName: (id) => table.fullNames[id] as string,
    subcommandsOf: (id) => subcommands.get(id) ?? [],
    isSubcommand: (id) => (table.fullNames[id] as string).includes("|"),
    idsOf: (category) => categories.get(category),
  };
}
