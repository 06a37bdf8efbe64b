/** Puts the words of a selector back together: `(+get`, `~a*)` is one rule, `(+get ~a*)`. */

export type MergedRules = { readonly rules: string[] } | { readonly unmatched: string };

export function mergeSelectorWords(words: readonly string[]): MergedRules {
  const rules: string[] = [];
  let open: { readonly first: string; text: string } | undefined;
  for (const word of words) {
    if (open !== undefined) {
      open.text += ` ${word}`;
      if (!word.endsWith(")")) continue;
      rules.push(open.text);
      open = undefined;
    } else if (word.startsWith("(") && !word.endsWith(")")) open = { first: word, text: word };
    else rules.push(word);
  }
  return open === undefined ? { rules } : { unmatched: open.first };
}
