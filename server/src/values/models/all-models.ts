/** What models.test.ts checks briefly and models.fuzz.ts at length. */

import { arenaModel } from "./arena-model.ts";
import { dictionaryModel } from "./dictionary-model.ts";
import { intsetModel } from "./intset-model.ts";
import { listpackModel } from "./listpack-model.ts";
import { checkModel, type Effort } from "./model.ts";
import { orderedIndexModel } from "./ordered-index-model.ts";
import { quicklistModel } from "./quicklist-model.ts";
import { streamGroupsModel } from "./stream-groups-model.ts";
import { streamModel } from "./stream-model.ts";

export interface NamedCheck {
  readonly name: string;
  check(effort: Effort): void;
}

export const MODEL_CHECKS: readonly NamedCheck[] = [
  { name: "arena", check: (effort) => checkModel(arenaModel, effort) },
  { name: "dictionary", check: (effort) => checkModel(dictionaryModel, effort) },
  { name: "listpack", check: (effort) => checkModel(listpackModel, effort) },
  { name: "intset", check: (effort) => checkModel(intsetModel, effort) },
  { name: "ordered index", check: (effort) => checkModel(orderedIndexModel, effort) },
  { name: "quicklist", check: (effort) => checkModel(quicklistModel, effort) },
  { name: "stream", check: (effort) => checkModel(streamModel, effort) },
  { name: "consumer groups", check: (effort) => checkModel(streamGroupsModel, effort) },
];
