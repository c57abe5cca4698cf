// Measures the peer against its comparators in the same run and prints a table with medians and spread.
// Run by run.sh on a host of its own, in whose namespace everything here happens.
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { get as httpGet } from "node:http";
import * as rendezvous from "./rendezvous.js";
import { median, notes, paired, quantile, report, round, row, rows, run } from "./table.js";

const { GOOP, PEER, RAW, SCRATCH, NGINX_PORT } = process.env;
const STARTS = Number(process.env.STARTS ?? 20);
const status = (name) => JSON.parse(run(GOOP, "status", "--json", `${SCRATCH}/${name}`));
// Microseconds and bytes of each fetch, as raw_client prints them.
const fetches = (port, path, ...options) => run(RAW, "127.0.0.1", String(port), path, ...options)
  .trim().split("\n").map((line) => line.split(" ").map(Number));
const megabytes = (list) => median(list.map(([us, bytes]) => bytes / us));
const faster = (a, b) => a / b;

function startGo(label, ...options) {
  const child = spawn(PEER, ["serve", `${SCRATCH}/bob/site`, "-label", label, ...options], { stdio: ["ignore", "pipe", "ignore"] });
  child.heard = [];
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (text) => child.heard.push(...text.split("\n").filter(Boolean)));
  return child;
}
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function until(check, what) {
  for (let i = 0; i < 6000; i++) {
    const found = check();
    if (found) return found;
    await pause(5);
  }
  throw new Error(`did not happen: ${what}`);
}

const timed = (...args) => {
  const began = process.hrtime.bigint();
  run(...args);
  return Number(process.hrtime.bigint() - began) / 1e9;
};

async function transfers() {
  const go = startGo("go", "-port", "9301", "-discover=false");
  await until(() => go.heard.some((l) => l.startsWith("listening")), "go peer");
  const port = String(status("bob").listen).match(/(\d+)\D*$/)[1];
  const alice = status("alice").viewer_url, bob = status("bob").peer_id;
  const size = 64 * 1024 * 1024;
  const raw = () => megabytes(fetches(port, "/big.bin", "-n", "5"));

  paired("64 MiB, raw libp2p client", "MB/s", "≥ 2", raw, () => megabytes(fetches(9301, "/big.bin", "-n", "5")), faster);
  const viewed = () => median(Array.from({ length: 5 }, () =>
    size / 1e6 / Number(run("curl", "-s", "-o", "/dev/null", "-w", "%{time_total}", `${alice}/p/${bob}/big.bin`))));
  paired("64 MiB through the viewer, against the raw transfer", "MB/s", "≥ 0.7", viewed, raw, faster);
  paired("64 MiB through the viewer, against wget from nginx", "MB/s", "(shown)", viewed, () => median(Array.from({ length: 5 }, () =>
    size / 1e6 / timed("wget", "-q", "-O", "/dev/null", `http://127.0.0.1:${NGINX_PORT}/big.bin`))), faster);
  for (const [name, q] of [["p50", 0.5], ["p99", 0.99]]) {
    const warm = (p) => () => quantile(fetches(p, "/small.bin", "-n", "2000").map(([us]) => us), q);
    paired(`1 KiB, warm connection, ${name}`, "µs", "≤ 0.5", warm(port), warm(9301), (a, b) => a / b);
  }
  const cold = (p) => () => median(fetches(p, "/small.bin", "-n", "100", "-cold").map(([us]) => us));
  paired("1 KiB, cold: dial, handshake, file", "µs", "≤ 0.7", cold(port), cold(9301), (a, b) => a / b);
  go.kill();
}

// PSS in MiB of a process and all below it.
function pss(pid) {
  const kib = Number(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8").match(/^Pss:\s+(\d+)/m)[1]);
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);
  return kib / 1024 + children.reduce((sum, child) => sum + pss(child), 0);
}

// Alone on the machine: what a second peer maps as well would count by half only.
async function memory() {
  const mine = [], other = [];
  for (const peer of ["alice", "bob"]) run(GOOP, "stop", `${SCRATCH}/${peer}`);
  for (let i = 0; i < 5; i++) {
    run(GOOP, "start", "--daemon", `${SCRATCH}/idle`);
    await pause(5000);
    mine.push(pss(readFileSync(`${SCRATCH}/idle/run/pid`, "utf8").trim()));
    run(GOOP, "stop", `${SCRATCH}/idle`);
    const go = startGo("go");
    await pause(5000);
    other.push(pss(go.pid));
    go.kill();
    await pause(200);
  }
  report("idle peer, PSS of all its processes", "MiB", "≤ 0.5", mine, other, mine.map((m, i) => m / other[i]));
}

// From the start of a process until the peer that was there before has it on its list.
async function startsOurs() {
  const times = [];
  const url = status("alice").viewer_url;
  for (let i = 0; i < STARTS; i++) {
    let text = "";
    const request = httpGet(`${url}/api/peers/events`, (answer) => answer.on("data", (part) => { text += part; }));
    await until(() => text.includes("snapshot"), "the first event");
    text = "";
    const began = process.hrtime.bigint();
    const child = spawn(GOOP, ["start", `${SCRATCH}/late`], { stdio: "ignore" });
    await until(() => text.includes('"late"'), "ours is listed");
    times.push(Number(process.hrtime.bigint() - began) / 1e6);
    child.kill("SIGINT");
    await new Promise((resolve) => child.on("exit", resolve));
    await until(() => /event: remove/.test(text), "ours has left");
    request.destroy();
  }
  return times;
}

async function startsTheirs() {
  const times = [];
  const first = startGo("first");
  await pause(3000);
  for (let i = 0; i < STARTS; i++) {
    const began = process.hrtime.bigint();
    const child = startGo(`late${i}`);
    await until(() => first.heard.some((l) => l.startsWith(`listed late${i} `)), "theirs is listed");
    times.push(Number(process.hrtime.bigint() - began) / 1e6);
    child.kill();
    await pause(100);
  }
  first.kill();
  return times;
}

async function starts() {
  const mine = await startsOurs(), other = await startsTheirs();
  const p95 = [quantile(mine, 0.95), quantile(other, 0.95)];
  row([`start to listed by the other, p95 of ${STARTS}`, `${round(p95[0])} (median ${round(median(mine))}) ms`,
    `${round(p95[1])} (median ${round(median(other))}) ms`, String(round(p95[0] / p95[1])), "< 1 s and ≤ 0.5"]);
}

const wanted = process.argv.slice(2);
for (const [name, part] of Object.entries({ transfers, starts, memory, ...rendezvous })) {
  if (wanted.length === 0 || wanted.includes(name)) await part();
}
const table = ["| what | here | comparator | ratio | goal |", "|---|---|---|---|---|", ...rows.map((r) => `| ${r.join(" | ")} |`)].join("\n");
writeFileSync(`${SCRATCH}/table.md`, `${[table, ...notes].join("\n\n")}\n`);
