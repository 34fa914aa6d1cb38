#!/usr/bin/env node
// npm's solc, as forge calls a compiler: `--version`, or standard JSON from stdin to stdout.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const contracts = new URL("../../hokusai_mlflow/contracts/", import.meta.url);
const solc = createRequire(contracts)("solc");
if (process.argv.includes("--version")) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
} else {
  process.stdout.write(solc.compile(readFileSync(0, "utf8")));
}
