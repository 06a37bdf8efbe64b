/** What is wrong with a program, in the words that its sender gets. */
export class ScriptError extends Error {}
