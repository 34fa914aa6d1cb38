// Compiles the contracts into the package's artifacts; `node compile.mjs --check` only compares.
// Of folders that are named it compiles the sources into `artifacts` below them, sooner and to
// somewhat dearer code: `node compile.mjs FOLDER...`, for tests of changed contracts.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";

const here = dirname(fileURLToPath(import.meta.url));
const contracts = ["DeltaOne", "DeltaOneVerifier", "InferenceVerifier", "ProofVerifier"];
const settings = {
  evmVersion: "cancun",
  viaIR: true,
  optimizer: { enabled: true, runs: 200 },
  metadata: { bytecodeHash: "none" },
};
const wanted = ["abi", "evm.bytecode.object", "evm.deployedBytecode"];
const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/** The artifacts of the sources in a folder, as JSON by contract; null when there are problems. */
function compile(folder, settings) {
  const read = (path) =>
    readFileSync(path.includes("/") ? join(here, "node_modules", path) : join(folder, path), "utf8");
  const load = (name) => ({ contents: read(name.replace(/^\.\//, "")) });
  const names = readdirSync(folder).filter((name) => name.endsWith(".sol")).sort();
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(names.map((name) => [name, { content: read(name) }])),
    settings: {
      ...settings,
      outputSelection: Object.fromEntries(contracts.map((name) => [`${name}.sol`, { [name]: wanted }])),
    },
  };
  const result = JSON.parse(solc.compile(JSON.stringify(input), { import: load }));
  // Warnings count in our own sources only; the libraries' are theirs.
  const problems = (result.errors ?? []).filter(
    (problem) => problem.severity === "error" || names.includes(problem.sourceLocation?.file),
  );
  for (const problem of problems) console.error(problem.formattedMessage);
  if (problems.some((problem) => folder === here || problem.severity === "error")) return null;

  const digests = Object.fromEntries(names.map((name) => [name, sha256(read(name))]));
  const described = (name) => {
    const { abi, evm } = result.contracts[`${name}.sol`][name];
    const immutables = Object.values(evm.deployedBytecode.immutableReferences).flat();
    const artifact = {
      contract: name,
      compiler: { solc: solc.version().replace(/\.Emscripten.*/, ""), ...settings },
      sources: digests,
      abi,
      bytecode: "0x" + evm.bytecode.object,
      deployedBytecode: "0x" + evm.deployedBytecode.object,
      immutables: immutables.sort((a, b) => a.start - b.start),
    };
    return { size: evm.deployedBytecode.object.length / 2, text: JSON.stringify(artifact, null, 1) + "\n" };
  };
  return Object.fromEntries(contracts.map((name) => [name, described(name)]));
}

function write(artifacts, folder) {
  mkdirSync(folder, { recursive: true });
  for (const [name, { text }] of Object.entries(artifacts)) writeFileSync(join(folder, `${name}.json`), text);
}

const folders = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
for (const folder of folders) {
  const artifacts = compile(folder, { ...settings, viaIR: false });
  if (artifacts === null) process.exit(1);
  write(artifacts, join(folder, "artifacts"));
}
if (folders.length > 0) process.exit(0);

const out = join(here, "..", "chain", "artifacts");
const artifacts = compile(here, settings);
if (artifacts === null) process.exit(1);
if (!process.argv.includes("--check")) write(artifacts, out);
let stale = 0;
for (const [name, { size, text }] of Object.entries(artifacts)) {
  const path = join(out, `${name}.json`);
  const same = existsSync(path) && readFileSync(path, "utf8") === text;
  console.log(`${name}: ${size} bytes, ${same ? "as its artifact" : "DIFFERS from its artifact"}`);
  stale += same ? 0 : 1;
}
process.exit(stale === 0 ? 0 : 1);
