/**
 * The hook of `light-names.ts`: rewrites what tsx has compiled. It runs in the thread of Node's
 * module hooks.
 */

interface Loaded {
  readonly format: string;
  readonly source?: string | Uint8Array | null;
}

/** The helper that esbuild puts at the head of a module it compiles with names kept. */
const nameHelper = /\b__name=\(target,value\)=>__defProp\(target,"name",\{[^}]*\}\)/;

/** Node calls this for every module. */
export async function load(
  url: string,
  context: object,
  nextLoad: (url: string, context: object) => Promise<Loaded>,
): Promise<Loaded> {
  const loaded = await nextLoad(url, context);
  const { source } = loaded;
  if (source === null || source === undefined || !url.endsWith('.ts')) return loaded;
  const text = typeof source === 'string' ? source : new TextDecoder().decode(source);
  return { ...loaded, source: text.replace(nameHelper, '__name=(target)=>target') };
}
