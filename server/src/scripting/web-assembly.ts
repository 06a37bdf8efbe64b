/** The part of the WebAssembly interface that the Lua machine uses: its types come with those of browsers only. */

export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

export interface WasmTable {
  get(index: number): unknown;
  set(index: number, value: unknown): void;
  grow(count: number): number;
}

export type WasmFunction = (...args: number[]) => number | undefined;
export type WasmImports = Readonly<Record<string, Readonly<Record<string, WasmFunction>>>>;

/** A compiled module. */
type WasmModule = object;

interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}

interface WasmRuntime {
  readonly Module: {
    new (bytes: Uint8Array): WasmModule;
    imports(module: WasmModule): { readonly module: string; readonly name: string }[];
  };
  readonly Instance: new (module: WasmModule, imports: WasmImports) => WasmInstance;
}

const runtime = (globalThis as unknown as { WebAssembly: WasmRuntime }).WebAssembly;

/** Instantiates a module; `imports` is asked for what it wants to have. */
export function instantiate(
  bytes: Uint8Array,
  imports: (wanted: readonly { readonly module: string; readonly name: string }[]) => WasmImports,
): Readonly<Record<string, unknown>> {
  const module = new runtime.Module(bytes);
  return new runtime.Instance(module, imports(runtime.Module.imports(module))).exports;
}
