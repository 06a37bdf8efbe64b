// A page as a walk: what somebody does who reads it from top to bottom and does all of it. Commands are run, other blocks are
// saved as the file that the page names, and a block right under commands is what they print.
import { type Block, blocksOf, isOutput } from "./page.ts";

export interface Step {
  readonly title: string;
  readonly block: Block;
  /** Where the block is saved; commands are not. */
  readonly file: string | undefined;
  /** What the page says that is printed. */
  readonly shown: string | undefined;
}

export function walk(page: string): readonly Step[] {
  const blocks = blocksOf(page);
  return blocks.flatMap((block, index) => {
    if (isOutput(block)) return [];
    const next = blocks[index + 1];
    const shown = next !== undefined && isOutput(next) ? next.text : undefined;
    const file = block.language === "sh" ? undefined : fileOf(block);
    const title = `${block.heading}: ${file ?? block.text.split("\n")[0]}`;
    return [{ title, block, file, shown }];
  });
}

function fileOf({ file, page, line }: Block): string {
  if (file === undefined) throw new Error(`Say before the block in ${page}:${line} which file it is`);
  return file;
}
