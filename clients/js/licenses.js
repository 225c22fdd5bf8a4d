// Writes the licenses of the packages that the bundle embeds, as their terms require: `npm run bundle` runs this script.
import { readFile, writeFile } from "node:fs/promises";

const BUNDLE = "dist/soundstage-client.browser";
const APACHE = "../../LICENSE-APACHE";

/** Returns the leading `//` comment of a source if the comment is a copyright notice. */
const notice = (source) => {
  const comment = source.match(/^(\/\/.*\n)+/)?.[0].replaceAll(/^\/\/ ?/gm, "").trim();
  return comment?.includes("Copyright") ? comment : undefined;
};

const { inputs } = JSON.parse(await readFile(`${BUNDLE}.meta.json`, "utf8"));
const notices = new Map();
for (const path of Object.keys(inputs)) {
  const folder = path.match(/^node_modules\/(@[^/]+\/)?[^/]+/)?.[0];
  if (!folder) continue;
  if (!notices.has(folder)) notices.set(folder, new Set());
  const found = notice(await readFile(path, "utf8"));
  if (found) notices.get(folder).add(found);
}

const sections = [`Packages that ${BUNDLE.split("/").at(-1)}.js contains`];
for (const [folder, found] of [...notices].sort()) {
  const { name, version, license } = JSON.parse(await readFile(`${folder}/package.json`, "utf8"));
  if (!license.includes("Apache-2.0")) throw new Error(`${name} ${version}: add the text of ${license} to licenses.js`);
  sections.push(`${name} ${version}, ${license}`, ...found);
}
sections.push(await readFile(APACHE, "utf8"));
await writeFile(`${BUNDLE}.licenses.txt`, sections.join(`\n\n${"-".repeat(80)}\n\n`));
