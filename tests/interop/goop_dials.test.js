// The peer hears of a js-libp2p peer by mDNS, dials it, and visits it.
import assert from "node:assert/strict";
import { randomBytes, createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { TOPIC, jsPeer, presence, serveData, serveSite, until } from "./js_peer.js";
import { goop, people, viewer } from "./goop_peer.js";

let node, id;
const heard = [];
const big = randomBytes(64 * 1024 * 1024);

before(async () => {
  node = await jsPeer({ address: process.env.JS_IP, discover: true });
  id = await goop("id");
  node.services.pubsub.addEventListener("message", (event) => {
    if (event.detail.topic === TOPIC) heard.push(event.detail);
  });
  node.services.pubsub.subscribe(TOPIC);
  await serveSite(node, {
    "/index.html": { mime: "text/html; charset=utf-8", body: Buffer.from("js was here") },
    "/big.bin": { mime: "application/octet-stream", body: big },
  });
  await serveData(node, (request, who) => ({ ok: true, data: { status: "inserted", id: 7, who, op: request.op } }));
});
after(() => node.stop());

test("each finds the other by mDNS, and the peer dials", async () => {
  await until("an inbound connection from the peer", () =>
    node.getConnections().some((c) => c.remotePeer.toString() === id && c.direction === "inbound"));
  await until("js hears the peer by mDNS", () => node.found.has(id));
});

test("the peer's presence comes by GossipSub, signed twice", async () => {
  const message = await until("presence", () => heard.find((m) => m.from?.toString() === id));
  assert.equal(message.type, "signed");
  const said = JSON.parse(new TextDecoder().decode(message.data));
  assert.equal(said.peerId, id);
  assert.equal(said.content, "goop");
  assert.ok(["online", "update"].includes(said.type));
  assert.ok(said.addrs.some((a) => a.includes(process.env.GOOP_IP)), String(said.addrs));
  assert.ok(said.addrs.every((a) => !a.includes("127.0.0.1") && !a.includes("fe80")), String(said.addrs));
  assert.ok(Math.abs(said.ts - Date.now()) < 60000);
  const text = ["goop-presence-v1", said.type, said.peerId, said.content, said.email ?? "", said.avatarHash ?? "",
    String(said.ts), ...said.addrs].map((field) => field + "\0").join("");
  const { peerIdFromString } = await import("@libp2p/peer-id");
  const key = peerIdFromString(id).publicKey;
  assert.ok(await key.verify(Buffer.from(text), Buffer.from(said.sig, "base64")), "sig does not verify");
});

test("the peer lists who announces itself by GossipSub", async () => {
  await until("listed", async () => {
    await node.services.pubsub.publish(TOPIC, presence(node, "update", "js peer"));
    return (await people()).some((p) => p.id === node.peerId.toString() && p.label === "js peer");
  });
});

test("a presence in another peer's name is ignored", async () => {
  const forged = JSON.parse(presence(node, "update", "forged"));
  forged.peerId = "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB";
  await node.services.pubsub.publish(TOPIC, Buffer.from(JSON.stringify(forged)));
  await node.services.pubsub.publish(TOPIC, presence(node, "update", "after the forged one"));
  await until("the honest one", async () => (await people()).some((p) => p.label === "after the forged one"));
  assert.ok(!(await people()).some((p) => p.label === "forged"));
});

test("the peer visits a site served by js", async () => {
  const page = await viewer(`/p/${node.peerId}/`);
  assert.deepEqual(page, { status: 200, body: "js was here" });
  assert.equal((await viewer(`/p/${node.peerId}/none`)).status, 404);
});

test("64 MiB from js arrive whole", async () => {
  const out = `${process.env.GOOP_DIR}/run/from-js`;
  assert.equal((await viewer(`/p/${node.peerId}/big.bin`, { out })).status, 200);
  const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");
  assert.equal(digest(await readFile(out)), digest(big));
});

test("a data request reaches js under the peer's proved id", async () => {
  const answer = await viewer(`/api/p/${node.peerId}/data/insert`, {
    method: "POST", json: { table: "t", data: { a: 1 } } });
  assert.deepEqual(JSON.parse(answer.body), { status: "inserted", id: 7, who: id, op: "insert" });
});

test("offline takes the name off the list", async () => {
  await node.services.pubsub.publish(TOPIC, presence(node, "offline", "js peer"));
  await until("gone", async () => !(await people()).some((p) => p.id === node.peerId.toString()));
});

test("a clean stop of the peer is heard as offline", async () => {
  await goop("stop");
  await until("offline", () => heard.some((m) => m.from?.toString() === id &&
    JSON.parse(new TextDecoder().decode(m.data)).type === "offline"));
});
