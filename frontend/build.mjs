// Builds the page bundle: Tailwind, esbuild, icon sprite; writes hashed files and manifest.json.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const frontend = dirname(fileURLToPath(import.meta.url));
const root = resolve(frontend, "..");
const out = resolve(process.argv[2] ?? join(root, "src/groundswell/ui/static"));
const require = createRequire(import.meta.url);

function tailwind(into) {
  const cli = join(dirname(require.resolve("@tailwindcss/cli/package.json")), "dist/index.mjs");
  const options = ["--input", join(frontend, "css/app.css"), "--output", into, "--minify"];
  execFileSync(process.execPath, [cli, ...options], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
}

function hashed(name, content) {
  const digest = createHash("sha256").update(content).digest("hex").slice(0, 8).toUpperCase();
  const file = name.replace(/(\.\w+)$/, `-${digest}$1`);
  writeFileSync(join(out, file), content);
  return file;
}

function sprite() {
  const { icons, aliases } = JSON.parse(readFileSync(require.resolve("@iconify-json/lucide/icons.json"), "utf8"));
  const names = JSON.parse(readFileSync(join(frontend, "icons.json"), "utf8"));
  const symbols = names.map((name) => {
    const icon = icons[name] ?? icons[aliases[name]?.parent];
    if (!icon) throw new Error(`lucide has no icon ${name}`);
    const body = icon.body.replaceAll('stroke-width="2"', 'stroke-width="1.75"');
    return `<symbol id="${name}" viewBox="0 0 24 24">${body}</symbol>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`;
}

async function bundle(stylesheet) {
  const result = await build({
    absWorkingDir: root,
    entryPoints: [
      { in: join(frontend, "src/app.ts"), out: "app" },
      { in: join(frontend, "css/bundle.css"), out: "style" },
    ],
    alias: { "tailwind-output": stylesheet },
    assetNames: "[name]-[hash]",
    bundle: true,
    chunkNames: "[name]-[hash]",
    entryNames: "[name]-[hash]",
    format: "esm",
    legalComments: "none",
    loader: { ".woff2": "file" },
    logLevel: "warning",
    metafile: true,
    minify: true,
    outdir: out,
    splitting: true,
    target: ["es2022", "chrome123", "firefox120", "safari17.5"],
  });
  return result.metafile.outputs;
}

// A file made from one source goes under that source's name: app.js, style.css, inter-latin….woff2.
function manifestOf(outputs) {
  const manifest = {};
  for (const [path, { entryPoint, inputs }] of Object.entries(outputs)) {
    const file = basename(path);
    const name = file.replace(/-[0-9A-Z]{8}(\.\w+)$/, "$1");
    if (entryPoint || Object.keys(inputs).length === 1) manifest[name] = file;
  }
  return manifest;
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const scratch = mkdtempSync(join(tmpdir(), "groundswell-css-"));
try {
  tailwind(join(scratch, "tailwind.css"));
  const manifest = manifestOf(await bundle(join(scratch, "tailwind.css")));
  manifest["icons.svg"] = hashed("icons.svg", sprite());
  manifest["favicon.svg"] = hashed("favicon.svg", readFileSync(join(frontend, "favicon.svg")));
  writeFileSync(join(out, "manifest.json"), JSON.stringify(manifest, Object.keys(manifest).sort(), 2));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
