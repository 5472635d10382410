// Bundles the library: groundswell.js for a script tag, groundswell.mjs for import.
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, "dist"));
const { version } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));

const common = {
  absWorkingDir: here,
  banner: { js: `/* groundswell-browser ${version} */` },
  bundle: true,
  charset: "utf8",
  define: { __VERSION__: JSON.stringify(version) },
  legalComments: "none",
  logLevel: "warning",
  minify: true,
  target: "es2019",
};

await build({ ...common, entryPoints: ["src/script.ts"], format: "iife", outfile: join(out, "groundswell.js") });
await build({ ...common, entryPoints: ["src/index.ts"], format: "esm", outfile: join(out, "groundswell.mjs") });
