// The pages of the project as people read them: their fenced blocks, in order. Tests take from here what they run, so that no command
// of a page is copied into a test.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "../..");

export interface Block {
  readonly page: string;
  /** Of its opening fence. */
  readonly line: number;
  readonly heading: string;
  readonly language: string;
  readonly text: string;
  /** The file that the words right before it name: "Save this as `hello.py`:". */
  readonly file: string | undefined;
  /** Nothing stands between the block before and this one. */
  readonly followsBlock: boolean;
}

/** The pages whose commands people type. */
export function pages(): readonly string[] {
  const docs = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md"));
  return ["README.md", "charts/kvcluster/README.md", ...docs.map((name) => `docs/${name}`)];
}

export function blocksOf(page: string): readonly Block[] {
  return parseBlocks(page, readFileSync(join(ROOT, page), "utf8"));
}

/** The blocks of one language, as printed. */
export function blocksIn(page: string, language: string): readonly string[] {
  return blocksOf(page)
    .filter((block) => block.language === language)
    .map(({ text }) => text);
}

/** The one block of a page that begins so. */
export function printed(page: string, beginning: string): string {
  const found = blocksOf(page).filter(({ text }) => text.startsWith(beginning));
  const [block, ...others] = found;
  if (block === undefined || others.length > 0) {
    throw new Error(`Take the block that begins with "${beginning}" from ${page}: ${found.length} blocks do`);
  }
  return block.text;
}

/** What a page shows as the output of commands that `printed` took from it. */
export function shownAfter(page: string, commands: string): string {
  const blocks = blocksOf(page);
  const next = blocks[blocks.findIndex(({ text }) => text === commands) + 1];
  if (next === undefined || !isOutput(next)) throw new Error(`${page} shows no output of "${commands}"`);
  return next.text;
}

/** A block without a language that stands right under commands. */
export function isOutput({ language, followsBlock }: Block): boolean {
  return language === "" && followsBlock;
}

export function parseBlocks(page: string, text: string): readonly Block[] {
  let end = 0;
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map((match) => {
    const between = text.slice(end, match.index);
    const before = text.slice(0, match.index);
    const followsBlock = end > 0 && between.trim() === "";
    end = match.index + match[0].length;
    return {
      page,
      line: before.split("\n").length,
      heading: [...before.matchAll(/^#+ (.*)$/gm)].at(-1)?.[1] ?? "",
      language: match[1] ?? "",
      text: match[2] ?? "",
      file: /`([\w./-]+\.\w+)`[^`]*:$/.exec(between.trimEnd())?.[1],
      followsBlock,
    };
  });
}
