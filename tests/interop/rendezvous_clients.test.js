// svc-rendezvous as others use it: Node's fetch, the package eventsource, js-libp2p's keys.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import net from "node:net";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { until } from "./js_peer.js";
import { listen, publish, somebody } from "./presence.js";

const { GOOP, GOOP_DIR, GOOP_NET, GOOP_IP } = process.env;
const server = `http://${GOOP_IP}:8787`;
const run = promisify(execFile);
const goop = (...args) => run("ip", ["netns", "exec", GOOP_NET, GOOP, ...args]);
const open = [];
let all, changes;

const join = async (...args) => {
  const listener = await listen(...args);
  open.push(listener.source);
  return listener;
};
const heard = (listener, label) => until(label, () => listener.events.find((e) => e.data.content === label));

before(async () => {
  all = await join(`${server}/events`);
  changes = await join(`${server}/events?changes=1`);
});
after(() => { for (const source of open) source.close(); });

test("an unsigned message of a deployed peer is passed on with all its fields but the token", async () => {
  const peer = await somebody();
  const said = await peer.message("online", "an old one", { videoDisabled: true, activeTemplate: "blog",
    publicKey: "AAAA", encryptionSupported: true, verified: false, goopClientVersion: "2.4.1",
    somethingNew: { a: [1, 2] }, verificationToken: "secret" });
  assert.deepEqual(await publish(server, said), { status: 204, text: "", retryAfter: null });
  for (const listener of [all, changes]) {
    const { verificationToken, ...rest } = said;
    assert.deepEqual((await heard(listener, "an old one")).data, rest, verificationToken);
  }
});

test("a signature by js-libp2p counts, and protects its peer from then on", async () => {
  const peer = await somebody();
  const said = await peer.message("online", "a signer", { sign: true, email: "s@example.org", avatarHash: "ab12" });
  assert.equal((await publish(server, said)).status, 204);
  assert.deepEqual((await heard(changes, "a signer")).data, said);
  assert.equal((await publish(server, said)).status, 409);
  assert.equal((await publish(server, await peer.message("offline", "a signer"))).status, 409);
  const forged = { ...await peer.message("update", "a signer", { sign: true }), content: "a forger" };
  const refusal = await publish(server, forged);
  assert.deepEqual([refusal.status, refusal.text], [400, "sig: wrong signature"]);
  assert.equal((await publish(server, await peer.message("update", "a signer again", { sign: true }))).status, 204);
  await heard(all, "a signer again");
  assert.ok(!all.events.some((e) => e.data.content === "a forger"));
});

test("a clock that is wrong by minutes is nobody's business; one that was set back learns how far", async () => {
  const peer = await somebody();
  const now = Date.now(), ahead = now + 600000;
  for (const ts of [now - 600000, now, ahead]) {
    assert.equal((await publish(server, await peer.message("update", "a wrong clock", { sign: true, ts }))).status, 204);
  }
  const refusal = await publish(server, await peer.message("update", "set back", { sign: true, ts: now }));
  assert.equal(refusal.status, 409);
  assert.match(refusal.text, new RegExp(`^ts: expected to be greater than ${ahead},`));
  assert.equal((await publish(server, await peer.message("offline", "", { sign: true, ts: ahead + 1 }))).status, 204);
});

test("heartbeats go to those who did not ask for changes alone", async () => {
  const peer = await somebody();
  for (let i = 0; i < 3; i++) {
    await publish(server, await peer.message(i === 0 ? "online" : "update", "a heart", { sign: true }));
  }
  await publish(server, await peer.message("update", "a heart, renamed", { sign: true }));
  await heard(all, "a heart, renamed");
  await heard(changes, "a heart, renamed");
  const count = (listener) => listener.events.filter((e) => e.data.peerId === peer.id).length;
  assert.deepEqual([count(all), count(changes)], [4, 2]);
});

test("who comes new is first told of everybody online, and of who leaves", async () => {
  const late = await join(`${server}/events?changes=1`);
  for (const label of ["an old one", "a signer again", "a heart, renamed"]) await heard(late, label);
  const peer = await somebody();
  await publish(server, await peer.message("online", "a guest"));
  await heard(late, "a guest");
  await publish(server, await peer.message("offline", "a guest"));
  await until("offline", () => late.events.some((e) => e.data.peerId === peer.id && e.data.type === "offline"));
});

test("the ids of events are epoch and number, and grow", () => {
  const ids = changes.events.map((e) => e.id).filter((id) => !id.endsWith(":0"));
  assert.ok(ids.every((id) => /^[0-9a-f]{16}:\d+$/.test(id)), String(ids));
  const numbers = ids.map((id) => Number(id.split(":")[1]));
  assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b));
});

test("a line that breaks is gone on with by Last-Event-ID: nothing is missed or told twice", async () => {
  const sockets = new Set();
  let closed = false;
  const wire = net.createServer((from) => {
    if (closed) return from.destroy();
    const to = net.connect(8787, GOOP_IP);
    for (const [a, b] of [[from, to], [to, from]]) {
      a.pipe(b);
      a.on("error", () => b.destroy()).on("close", () => b.destroy());
    }
    sockets.add(from);
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => wire.on("listening", resolve));
  const asked = [];
  const listener = await join(`http://127.0.0.1:${wire.address().port}/events?changes=1`, { asked: (headers) => asked.push(headers) });
  const peer = await somebody();
  await publish(server, await peer.message("online", "before", { sign: true }));
  const last = await heard(listener, "before");
  closed = true;
  for (const socket of sockets) socket.destroy();
  await publish(server, await peer.message("update", "meanwhile 1", { sign: true }));
  await publish(server, await peer.message("update", "meanwhile 2", { sign: true }));
  closed = false;
  await heard(listener, "meanwhile 2");
  assert.equal(asked.at(-1)["Last-Event-ID"], last.id);
  const told = listener.events.filter((e) => e.data.peerId === peer.id).map((e) => e.data.content);
  assert.deepEqual(told, ["before", "meanwhile 1", "meanwhile 2"]);
  assert.ok(!listener.events.some((e) => e.type === "reset"));
  wire.close();
  listener.source.close();
});

test("after a restart of the server each listener comes back by itself, is reset, and told of everybody", async () => {
  const online = ["an old one", "a signer again", "a heart, renamed"];
  const from = changes.events.length;
  await goop("restart", GOOP_DIR, "svc-rendezvous");
  await until("reset", () => changes.events.slice(from).some((e) => e.type === "reset"));
  await until("everybody", () => online.every((label) =>
    changes.events.slice(from).some((e) => e.data.content === label)));
  const after = changes.events.slice(from);
  assert.equal(after[0].type, "reset");
  const peer = await somebody();
  assert.equal((await publish(server, await peer.message("online", "afterwards", { sign: true }))).status, 204);
  await heard(changes, "afterwards");
  await heard(all, "afterwards");
});

test("what is no presence is refused with the reason", async () => {
  const peer = await somebody();
  const good = await peer.message("online", "x");
  for (const [message, part] of [["{", "JSON"], ["[]", ""], ['"x"', ""], [{ ...good, type: "hello" }, "type"],
    [{ ...good, type: "punch" }, "type"], [{ ...good, peerId: "nobody" }, "peerId"], [{ ...good, peerId: 7 }, "peerId"],
    [{ ...good, ts: "now" }, "ts"], [{ ...good, addrs: "here" }, "addrs"], [{ ...good, sig: "!!" }, "sig"]]) {
    const answer = await publish(server, message);
    assert.equal(answer.status, 400, JSON.stringify(message));
    assert.ok(answer.text.includes(part) && answer.text !== "", answer.text);
  }
  assert.equal((await publish(server, JSON.stringify({ ...good, filler: "f".repeat(66000) }))).status, 413);
});

test("unsigned messages are limited to 60 a minute, with the time to wait", async () => {
  const peer = await somebody();
  let answer;
  for (let i = 0; i < 61; i++) answer = await publish(server, await peer.message("update", "a chatterer"));
  assert.equal(answer.status, 429);
  assert.ok(Number(answer.retryAfter) > 0 && Number(answer.retryAfter) <= 120, answer.retryAfter);
  const signer = await somebody();
  assert.equal((await publish(server, await signer.message("online", "signed all the same", { sign: true }))).status, 204);
});
