// Bundles each function into a folder of its own, as a deployment would: bundle.mjs <folder>

import { build } from "esbuild";

const [folder] = process.argv.slice(2);
for (const name of ["stage", "participant"]) {
  await build({
    entryPoints: [`${name}.mjs`],
    outfile: `${folder}/${name}/index.js`,
    bundle: true,
    minify: true,
    platform: "node",
    format: "cjs",
    target: `node${process.versions.node.split(".")[0]}`,
    logLevel: "warning",
  });
}
