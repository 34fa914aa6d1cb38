// Compiles the contracts into the package's artifacts; `node compile.mjs --check` only compares.
// Other sources and another place can be named: `node compile.mjs --from FOLDER --to FOLDER`.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";

const here = dirname(fileURLToPath(import.meta.url));
const option = (name, standard) =>
  process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : standard;
const from = option("--from", here);
const out = option("--to", join(here, "..", "chain", "artifacts"));
const contracts = ["DeltaOne", "DeltaOneVerifier"];
const settings = {
  evmVersion: "cancun",
  viaIR: true,
  optimizer: { enabled: true, runs: 200 },
  metadata: { bytecodeHash: "none" },
};

const read = (path) =>
  readFileSync(path.includes("/") ? join(here, "node_modules", path) : join(from, path), "utf8");
const sources = {};
const load = (name) => {
  const path = name.replace(/^\.\//, "");
  sources[path] = { content: read(path) };
  return { contents: sources[path].content };
};
const names = readdirSync(from).filter((name) => name.endsWith(".sol"));
const input = {
  language: "Solidity",
  sources: Object.fromEntries(names.map((name) => [name, { content: read(name) }])),
  settings: {
    ...settings,
    outputSelection: {
      "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode"] },
    },
  },
};
const result = JSON.parse(solc.compile(JSON.stringify(input), { import: load }));
// Warnings count in our own sources only; the libraries' are theirs.
const problems = (result.errors ?? []).filter(
  (problem) => problem.severity === "error" || names.includes(problem.sourceLocation?.file),
);
for (const problem of problems) console.error(problem.formattedMessage);
if (problems.length > 0) process.exit(1);

const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const digests = Object.fromEntries(names.sort().map((name) => [name, sha256(read(name))]));
let stale = 0;
mkdirSync(out, { recursive: true });
for (const name of contracts) {
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
  const text = JSON.stringify(artifact, null, 1) + "\n";
  const path = join(out, `${name}.json`);
  const size = evm.deployedBytecode.object.length / 2;
  if (process.argv.includes("--check")) {
    const same = existsSync(path) && readFileSync(path, "utf8") === text;
    console.log(`${name}: ${size} bytes, ${same ? "as committed" : "DIFFERS from the committed artifact"}`);
    stale += same ? 0 : 1;
  } else {
    writeFileSync(path, text);
    console.log(`${name}: ${size} bytes deployed`);
  }
}
process.exit(stale === 0 ? 0 : 1);
