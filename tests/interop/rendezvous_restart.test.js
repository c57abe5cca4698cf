// The server goes down under load, by a restart and by SIGKILL: two hundred subscribers of the package eventsource
// come back by themselves, spread, and each knows in the end what the server knows; of fifty peers that go on
// talking none is lost.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { until } from "./js_peer.js";
import { listen, publish, somebody } from "./presence.js";

const { GOOP, GOOP_DIR, GOOP_NET, GOOP_IP } = process.env;
const server = `http://${GOOP_IP}:8787`;
const run = promisify(execFile);
const goop = async (...args) => (await run("ip", ["netns", "exec", GOOP_NET, GOOP, ...args])).stdout;
const SUBSCRIBERS = 200, PEERS = 50;

// What a subscriber has come to know: who is online, and under which name. Whoever reads `reset` begins anew.
async function subscriber(query) {
  const me = { online: new Map(), told: new Set(), resets: 0, opens: [] };
  const hear = ({ type, data }) => {
    if (type === "reset") {
      me.resets++;
      me.online.clear();
    } else if (data.type === "offline") {
      me.online.delete(data.peerId);
      me.told.add(data.peerId);
    } else {
      me.online.set(data.peerId, data.content);
    }
  };
  const { source } = await listen(`${server}/events${query}`, { hear });
  source.addEventListener("open", () => me.opens.push(Date.now()));
  return Object.assign(me, { source });
}

const peers = [], subscribers = [];
let talking = true, refused = 0, turn = 0;

// A heartbeat four times a second in all, now and then with a new name; what cannot be said is said again.
async function talk(peer, i) {
  for (let beat = 0; talking; beat++) {
    if (beat % 3 === 0) peer.label = `peer ${i}, name ${turn++}`;
    try {
      const answer = await publish(server, await peer.message(beat === 0 ? "online" : "update", peer.label, { sign: true }));
      if (answer.status === 204) peer.known = peer.label;
      else refused++;
    } catch {
      // The server is away.
    }
    await new Promise((resolve) => setTimeout(resolve, 2200 + 10 * i));
  }
}
const truth = async () => {
  const answer = await fetch(`${server}/peers.json`, { headers: { Authorization: `Basic ${btoa("admin:secret")}` } });
  return new Map((await answer.json()).map((row) => [row.peer_id, row.content]));
};
const same = (a, b) => a.size === b.size && [...a].every(([id, label]) => b.get(id) === label);
const settled = () => until("every subscriber knows what the server knows", async () => {
  const now = await truth();
  return now.size === PEERS && subscribers.every((s) => same(s.online, now));
}, 60);
const back = (from) => until("all are back", () => subscribers.every((s) => s.opens.some((at) => at > from)), 60);

before(async () => {
  for (let i = 0; i < PEERS; i++) peers.push(await somebody());
  subscribers.push(...await Promise.all(Array.from({ length: SUBSCRIBERS }, (_, i) => subscriber(i % 4 ? "?changes=1" : ""))));
  peers.forEach((peer, i) => void talk(peer, i));
});
after(() => {
  talking = false;
  for (const s of subscribers) s.source.close();
});

const spread = (from) => {
  const times = subscribers.map((s) => s.opens.find((at) => at > from) - from).sort((a, b) => a - b);
  const [first, last] = [times[0], times.at(-1)];
  // The server asks for 1 to 5 s; no half second may see more than a third of them.
  const most = Math.max(...times.map((t) => times.filter((u) => u >= t && u < t + 500).length));
  console.log(`# ${SUBSCRIBERS} are back between ${first} and ${last} ms, at most ${most} in half a second`);
  assert.ok(most < SUBSCRIBERS / 3, `${most} within half a second`);
  assert.ok(last - first > 1500, "they come back together");
};

for (const [how, kill] of [
  ["a restart", () => goop("restart", GOOP_DIR, "svc-rendezvous")],
  ["SIGKILL", async () => {
    const status = JSON.parse(await goop("status", "--json", GOOP_DIR));
    process.kill(status.services.find((s) => s.name === "svc-rendezvous").pid, "SIGKILL");
  }],
]) {
  test(`${how} under load: all come back, apart, and have missed nothing`, async () => {
    await settled();
    const from = Date.now();
    for (const s of subscribers) s.told.clear();
    await kill();
    await back(from);
    await settled();
    spread(from);
    assert.ok(subscribers.every((s) => s.resets >= 1), "a new life of the server is a reset");
    assert.ok(subscribers.every((s) => s.told.size === 0), "a living peer was said to be offline");
    assert.equal(refused, 0);
    for (const s of subscribers) s.resets = 0;
  });
}
