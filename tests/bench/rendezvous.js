// The rendezvous server under load: fan-out against nginx with nchan, heartbeats of simulated peers, signed
// publishes against libsodium. The server has the first processor to itself, the load the last one.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { median, note, report, round, run } from "./table.js";

const { GOOP, SCRATCH, LOAD } = process.env;
const ROUNDS = Number(process.env.RENDEZVOUS_ROUNDS ?? 5);
const SUBSCRIBERS = Number(process.env.SUBSCRIBERS ?? 15000);
const PEERS = Number(process.env.PEERS ?? 10000);
const SECONDS = 8, INTERVAL = 5; // deployed peers send a heartbeat every 5 s
const PLAIN_LISTENERS = 300;
const MEET = `${SCRATCH}/meet`, PORT = 8787, NCHAN_PORT = 8091;

const pinned = (cpu) => (availableParallelism() > 1 ? ["taskset", "-c", String(cpu)] : []);
const onFirst = pinned(0), onLast = pinned(availableParallelism() - 1);
const load = (name, ...args) => run(...onLast, `${LOAD}/${name}`, ...args.map(String)).trim();
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const many = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, " "); // 15 000
const ratios = (mine, other) => mine.map((m, i) => m / other[i]);

// Calls use(port, pids) while a fresh server of ours runs.
async function withOurs(use) {
  run(...onFirst, GOOP, "rendezvous", "--daemon", MEET);
  try {
    const { services } = JSON.parse(run(GOOP, "status", "--json", MEET));
    return await use(PORT, services.find((s) => s.name === "svc-rendezvous").pid);
  } finally {
    run(GOOP, "stop", MEET);
  }
}

let nginx = null;
process.on("exit", () => nginx?.kill());
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(130));

// The same with nginx and nchan: the master's and the worker's process.
async function withNchan(use) {
  const [command, ...args] = [...onFirst, "nginx", "-c", `${SCRATCH}/nchan.conf`];
  nginx = spawn(command, args, { stdio: ["ignore", "ignore", "inherit"] });
  const ended = new Promise((resolve) => nginx.once("exit", resolve));
  try {
    const children = `/proc/${nginx.pid}/task/${nginx.pid}/children`;
    for (let i = 0; i < 500 && !(existsSync(children) && readFileSync(children, "utf8").trim()); i++) await pause(20);
    await pause(200); // its worker reads the configuration
    return await use(NCHAN_PORT, `${nginx.pid},${readFileSync(children, "utf8").trim().replaceAll(" ", ",")}`);
  } finally {
    nginx.kill();
    await ended;
    nginx = null;
  }
}

const fanOut = (port, pids) => Object.fromEntries(load("sse_clients", port, "/events", "/publish", SUBSCRIBERS, pids)
  .split("\n").map((line) => line.split(" ")).map(([name, value]) => [name, Number(value)]));

export async function fanout() {
  const mine = [], other = [];
  for (let i = 0; i < ROUNDS; i++) {
    const turns = [async () => mine.push(await withOurs(fanOut)), async () => other.push(await withNchan(fanOut))];
    for (const turn of i % 2 ? turns : turns.reverse()) await turn();
    console.log(`  round ${i + 1} of ${ROUNDS}: ${mine[i].single_ms} ms, nchan ${other[i].single_ms} ms`);
  }
  const count = mine[0].subscribers;
  if (count < SUBSCRIBERS) note(`Of ${many(SUBSCRIBERS)} subscribers ${many(count)} ran: more files than that may not be open.`);
  const compare = (what, unit, goal, name, scale = 1) => {
    const pick = (list) => list.map((r) => r[name] * scale);
    report(`${many(count)} subscribers: ${what}`, unit, goal, pick(mine), pick(other), ratios(pick(mine), pick(other)));
  };
  compare("publish to last delivery", "ms", "≤ 1", "single_ms");
  compare("the same, 100 events a second", "ms", "≤ 1", "burst_ms");
  compare("processor time of each delivery", "µs", "≤ 1", "single_cpu_us");
  compare("the same, 100 events a second", "µs", "≤ 1", "burst_cpu_us");
  compare("user memory of each", "KiB", "< 4 KiB", "memory", 1 / 1024);
}

// What each second brought: bytes to one subscriber, and the server's processor time in milliseconds.
async function simulate(peers, changes, kind, listeners = peers) {
  const text = await withOurs((port, pids) => load("rdv_sim", port, peers, changes, INTERVAL, SECONDS, listeners, kind, pids));
  const [counts, ...lines] = text.split("\n").map((line) => line.split(" ").map(Number));
  const result = {
    peers: counts[0], listeners: counts[1],
    kib: lines.map(([us, bytes]) => bytes / counts[1] / 1024 / us * 1e6),
    cpu: lines.map(([us, , , cpu]) => cpu / us * 1000),
  };
  console.log(`  ${many(counts[0])} peers, ${changes} changes a second, ${many(counts[1])} listen to ${kind}: ` +
    `${round(median(result.kib))} KiB/s to each, ${round(median(result.cpu))} ms/s of processor time`);
  return result;
}

export async function heartbeats() {
  const small = PEERS / 10;
  const few = await simulate(small, small / 100, "changes");
  const fewPlain = await simulate(small, small / 100, "all");
  const fewOften = await simulate(small, PEERS / 100, "changes");
  const fullHalf = await simulate(PEERS, PEERS / 200, "changes");
  const full = await simulate(PEERS, PEERS / 100, "changes");
  const some = await simulate(PEERS, PEERS / 100, "changes", PLAIN_LISTENERS);
  const somePlain = await simulate(PEERS, PEERS / 100, "all", PLAIN_LISTENERS);
  const compare = (what, a, b, goalBytes, goalCpu) => {
    report(`${what}: to each subscriber`, "KiB/s", goalBytes, a.kib, b.kib, ratios(a.kib, b.kib));
    report(`${what}: processor time a second`, "ms", goalCpu, a.cpu, b.cpu, ratios(a.cpu, b.cpu));
  };
  compare(`${many(few.peers)} peers, ${small / 100} changes/s; \`changes=1\` against plain`, few, fewPlain, "(shown)", "(shown)");
  compare(`${many(full.peers)} peers, ${PEERS / 100} changes/s; \`changes=1\` against plain, where ${many(some.listeners)} listen`,
    some, somePlain, "(shown)", "(shown)");
  compare(`\`changes=1\`, ${PEERS / 100} changes/s; ${many(full.peers)} peers against ${many(few.peers)}`, full, fewOften, "1", "≤ 10");
  compare(`\`changes=1\`, ${many(full.peers)} peers; ${PEERS / 100} changes/s against ${PEERS / 200}`, full, fullHalf, "2", "≤ 2");
  if (full.peers < PEERS) note(`Of ${many(PEERS)} simulated peers ${many(full.peers)} ran: each opens two files, more may not be open.`);
  note(`Simulated peers send a heartbeat every ${INTERVAL} s, as deployed ones do. Plain events to all of ${many(full.peers)} would be ` +
    `${round(median(somePlain.kib) * full.peers / 1024 / 1024)} GiB a second; so only ${many(somePlain.listeners)} of them listened. ` +
    `Comparator and ratio are of ${SECONDS} seconds one after another, not of rounds.`);
}

export async function publishes() {
  const mine = [], other = [], cpu = [];
  await withOurs((port, pids) => {
    const ours = () => {
      const [rate, us] = load("publishes", port, pids).split(" ").map(Number);
      mine.push(rate);
      cpu.push(us);
    };
    const theirs = () => other.push(Number(run(...onFirst, `${LOAD}/publishes`, "verify")));
    for (let i = 0; i < ROUNDS; i++) for (const turn of i % 2 ? [ours, theirs] : [theirs, ours]) turn();
  });
  report("signed publishes on one core, against libsodium's verifications", "/s", "≥ 0.5", mine, other, ratios(mine, other));
  note(`A signed publish took ${round(median(cpu))} µs of processor time in svc-rendezvous.`);
}
