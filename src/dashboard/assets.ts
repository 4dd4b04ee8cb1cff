import { createHash } from "node:crypto";
import { createReadStream, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { Readable } from "node:stream";
import { createGzip } from "node:zlib";

/** One file of the page, ready to be sent. */
export interface Asset {
  readonly contentType: string;
  readonly cacheControl: string;
  readonly etag: string;
  /** The body, compressed where `gzip` allows it and the asset is worth it. */
  read(gzip: boolean): Promise<{ readonly body: string | Uint8Array<ArrayBuffer> | ReadableStream; readonly encoding?: "gzip" }>;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};
const pageFolder = path.join(import.meta.dirname, "page");

/**
 * The page's files by their URL path: "/" is index.html, the others lie under /assets/. They are read once, at start.
 * Plotly comes from its package under a name with its version, to be cached for good.
 */
export function loadAssets(): ReadonlyMap<string, Asset> {
  const plotly = plotlyAsset();
  const assets = new Map<string, Asset>([[plotly.url, plotly.asset]]);
  for (const file of readdirSync(pageFolder)) {
    const contentType = CONTENT_TYPES[path.extname(file)];
    if (contentType === undefined) continue;
    const content = readFileSync(path.join(pageFolder, file), "utf8").replaceAll("{plotly}", plotly.url);
    assets.set(file === "index.html" ? "/" : `/assets/${file}`, {
      contentType,
      cacheControl: "no-cache",
      etag: `"${createHash("sha256").update(content).digest("base64url").slice(0, 22)}"`,
      read: () => Promise.resolve({ body: content }),
    });
  }
  return assets;
}

/** Ten megabytes of script, three compressed: compressed at the first request, kept, and never held whole in its raw form. */
function plotlyAsset(): { url: string; asset: Asset } {
  const description = createRequire(import.meta.url).resolve("plotly.js-dist/package.json");
  const { version } = JSON.parse(readFileSync(description, "utf8")) as { version: string };
  const file = path.join(path.dirname(description), "plotly.js");
  let compressed: Promise<Uint8Array<ArrayBuffer>> | undefined;
  return {
    url: `/assets/plotly-${version}.js`,
    asset: {
      contentType: "text/javascript; charset=utf-8",
      cacheControl: "public, max-age=31536000, immutable",
      etag: `"plotly-${version}"`,
      read: async (gzip) => {
        if (!gzip) return { body: Readable.toWeb(createReadStream(file)) as ReadableStream };
        compressed ??= compress(file).catch((thrown: unknown) => {
          compressed = undefined;
          throw thrown;
        });
        return { body: await compressed, encoding: "gzip" };
      },
    },
  };
}

async function compress(file: string): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream(file).pipe(createGzip())) chunks.push(chunk as Buffer);
  return new Uint8Array(Buffer.concat(chunks));
}
