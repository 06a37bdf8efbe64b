/**
 * What rules may say about commands: names, subcommands and categories, by the ids of the command table. This folder lies
 * below the commands, so the table is handed in as this port.
 */

export interface CommandCatalogue {
  /** One more than the largest id; ids start at 1. */
  readonly size: number;
  /** By full name (`get`, `config|get`), letter case aside; 0 if there is none. */
  idOf(fullName: string): number;
  /** In lower case. */
  fullName(id: number): string;
  /** The ids of a container's subcommands; none for any other command. */
  subcommandsOf(id: number): readonly number[];
  isSubcommand(id: number): boolean;
  /** All commands and subcommands of a category given by its lower-case name; undefined if there is no such category. */
  idsOf(category: string): readonly number[] | undefined;
}
