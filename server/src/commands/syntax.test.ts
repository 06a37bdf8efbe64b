import { describe, expect, test } from "vitest";
import { type Argument, parseSyntax, plainSyntax } from "./syntax.ts";

/** A tree in brief: optional in [], repeated with +, choices with |, blocks in (). */
function brief(argument: Argument): string {
  const { name, type, token, arguments: inner = [], keySpecIndex } = argument;
  const parts = inner.map(brief);
  let text = keySpecIndex === undefined ? `${name}:${type}` : `${name}:${type}@${keySpecIndex}`;
  if (type === "pure-token") text = token === "" ? '""' : (token as string);
  if (type === "oneof") text = `<${parts.join("|")}>`;
  if (type === "block") text = `(${parts.join(" ")})`;
  if (token !== undefined && type !== "pure-token") text = `${token} ${text}`;
  if (argument.isMultiple) text += argument.isTokenRepeated ? "++" : "+";
  return argument.isOptional ? `[${text}]` : text;
}

describe("parseSyntax", () => {
  test.each([
    ["", 0, ""],
    ["key value", 1, "key:key@0 value:string"],
    ["key", 0, "key:string"],
    ["source destination", 2, "source:key@0 destination:key@1"],
    ["key1 key2", 1, "key1:key@0 key2:key@0"],
    ["key [key ...]", 1, "key:key@0+"],
    ["[channel [channel ...]]", 0, "[channel:string+]"],
    ["key score member [score member ...]", 1, "key:key@0 (score:double member:string)+"],
    ["destination key [key ...]", 2, "destination:key@0 key:key@1+"],
    ["[NX | XX] [GET]", 0, "[<NX|XX>] [GET]"],
    ["[EX seconds | PERSIST]", 0, "[<EX seconds:integer|PERSIST>]"],
    ["[LIMIT offset count]", 0, "[LIMIT (offset:integer count:integer)]"],
    ["[COUNT count [ANY]]", 0, "[(COUNT count:integer [ANY])]"],
    ["[count [WITHVALUES]]", 0, "[(count:integer [WITHVALUES])]"],
    ["<BYRADIUS radius <M | KM> | NO ONE>", 0, "<(BYRADIUS radius:double <M|KM>)|(NO ONE)>"],
    ["[AGGREGATE <SUM | MIN>]", 0, "[AGGREGATE <SUM|MIN>]"],
    ["[WEIGHTS weight [weight ...]]", 0, "[WEIGHTS weight:integer+]"],
    ["STREAMS key [key ...] id [id ...]", 1, "STREAMS (key:key@0+ id:string+)"],
    ["[BY pattern@1] [GET pattern@1 [GET pattern@1 ...]]", 3, "[BY pattern:pattern@1] [GET pattern:pattern@1++]"],
    ["[= | ~] <* | id>", 0, "[<=|~>] <*|id:string>"],
    ["timeout:double ip:port", 0, "timeout:double ip:port:string"],
    [
      "ip:port | [ID client-id | SKIPME yes/no ...]",
      0,
      "<ip:port:string|[<ID client-id:integer|SKIPME yes/no:string>+]>",
    ],
    [
      "[GET a b | [OVERFLOW <WRAP | SAT>] <SET a | INCRBY b> [GET a b | [OVERFLOW <WRAP | SAT>] <SET a | INCRBY b> ...]]",
      0,
      "[<GET (a:string b:string)|([OVERFLOW <WRAP|SAT>] <SET a:string|INCRBY b:string>)>+]",
    ],
  ])("%s", (syntax, keySpecs, expected) => {
    expect(parseSyntax(syntax, keySpecs).map(brief).join(" ")).toBe(expected);
  });

  test("the notation for people has no types", () => {
    expect(plainSyntax("key timeout:double [BY pattern@1] ip:port")).toBe("key timeout [BY pattern] ip:port");
  });
});
