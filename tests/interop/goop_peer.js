// The peer under test, seen from a test that runs on another host: its command line and its viewer,
// both reached by running commands in its network namespace.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);
const { GOOP, GOOP_DIR, GOOP_NET } = process.env;

export async function goop(...args) {
  const { stdout } = await run("ip", ["netns", "exec", GOOP_NET, GOOP, ...args, GOOP_DIR]);
  return stdout.trim();
}

export async function people() {
  return JSON.parse(await goop("peers", "--json"));
}

// An HTTP request to the peer's own viewer, as the person sitting there: {status, body}.
export async function viewer(path, { method = "GET", json, out } = {}) {
  const origin = JSON.parse(await goop("status", "--json")).viewer_url;
  const args = ["netns", "exec", GOOP_NET, "curl", "-sS", "--max-time", "60", "-X", method, "-w", "\n%{http_code}"];
  if (json !== undefined) args.push("-H", "Content-Type: application/json", "-H", `Origin: ${origin}`, "-d", JSON.stringify(json));
  if (out !== undefined) args.push("-o", out);
  const { stdout } = await run("ip", [...args, origin + path], { maxBuffer: 1 << 26 });
  const cut = stdout.lastIndexOf("\n");
  return { status: Number(stdout.slice(cut + 1)), body: stdout.slice(0, cut) };
}

// Where the peer listens, as a multiaddr that a test can dial.
export async function goopAddress() {
  const status = JSON.parse(await goop("status", "--json"));
  const port = String(status.listen).match(/(\d+)\D*$/)[1];
  return `/ip4/${process.env.GOOP_IP}/tcp/${port}/p2p/${status.peer_id}`;
}
