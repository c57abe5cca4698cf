// js-libp2p dials the peer: connection, identify, ping, site, content, data.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { after, before, test } from "node:test";
import { multiaddr } from "@multiformats/multiaddr";
import { CONTENT, DATA, SITE, exchange, jsPeer, until } from "./js_peer.js";
import { goop, goopAddress, viewer } from "./goop_peer.js";

let node, address, id;

before(async () => {
  node = await jsPeer({ address: process.env.JS_IP, discover: false });
  address = multiaddr(await goopAddress());
  id = await goop("id");
});
after(() => node.stop());

test("the handshake proves the peer id", async () => {
  const connection = await node.dial(address);
  assert.equal(connection.remotePeer.toString(), id);
  assert.equal(connection.multiplexer, "/yamux/1.0.0");
});

test("a dialer that expects another identity is turned away by itself", async () => {
  const other = String(address).replace(id, node.peerId.toString());
  await assert.rejects(node.dial(multiaddr(other)));
});

test("identify names protocols, agent and addresses, with a signed peer record", async () => {
  const peer = await until("identify result", async () => {
    const found = await node.peerStore.get(address.getComponents().length ? node.getPeers()[0] : undefined);
    return found.protocols.length > 0 ? found : undefined;
  });
  for (const protocol of ["/ipfs/id/1.0.0", "/ipfs/ping/1.0.0", "/meshsub/1.1.0", SITE, DATA, CONTENT]) {
    assert.ok(peer.protocols.includes(protocol), `${protocol} is not in ${peer.protocols}`);
  }
  assert.ok(peer.peerRecordEnvelope !== undefined, "no signed peer record");
  assert.match(new TextDecoder().decode(peer.metadata.get("AgentVersion")), /goop/);
});

test("ping comes back, twenty times", async () => {
  for (let i = 0; i < 20; i++) assert.ok((await node.services.ping.ping(address)) >= 0);
});

test("a label and a page", async () => {
  assert.equal((await exchange(node, address, CONTENT, "")).toString(), "goop\n");
  const answer = (await exchange(node, address, SITE, "GET /\n")).toString();
  assert.equal(answer, "OK text/html; charset=utf-8 5\nhello");
});

test("what is not there, and what is forbidden", async () => {
  assert.equal((await exchange(node, address, SITE, "GET /none\n")).toString(), "ERR not found\n");
  assert.equal((await exchange(node, address, SITE, "GET /../goop.json\n")).toString(), "ERR forbidden\n");
  assert.equal((await exchange(node, address, SITE, "FETCH x\n")).toString(), "ERR bad request\n");
});

test("a file of 64 MiB arrives whole", async () => {
  const hash = createHash("sha256");
  for await (const part of createReadStream(`${process.env.GOOP_DIR}/site/big.bin`)) hash.update(part);
  const answer = await exchange(node, address, SITE, "GET /big.bin\n");
  const start = answer.indexOf(10) + 1;
  assert.equal(answer.subarray(0, start).toString(), "OK application/octet-stream 67108864\n");
  assert.equal(createHash("sha256").update(answer.subarray(start)).digest("hex"), hash.digest("hex"));
});

test("thirty visits at the same time on one connection", async () => {
  const answers = await Promise.all(Array.from({ length: 30 }, () => exchange(node, address, SITE, "GET /\n")));
  for (const answer of answers) assert.equal(answer.toString(), "OK text/html; charset=utf-8 5\nhello");
});

test("a data request writes a row under the id that the handshake proved", async () => {
  await viewer("/api/data/tables/create", { method: "POST", json: {
    name: "book", columns: [{ name: "line", type: "TEXT" }] } });
  await viewer("/api/data/tables/set-policy", { method: "POST", json: { table: "book", policy: "open" } });
  const request = { op: "insert", table: "book", data: { line: "from js" } };
  const answer = JSON.parse(await exchange(node, address, DATA, JSON.stringify(request) + "\n"));
  assert.equal(answer.ok, true, JSON.stringify(answer));
  assert.equal(answer.data.status, "inserted");
  const rows = JSON.parse((await viewer("/api/data/query", { method: "POST", json: { table: "book" } })).body);
  assert.equal(rows[0].line, "from js");
  assert.equal(rows[0]._owner, node.peerId.toString());
});

test("what a visitor may not do is refused with a reason", async () => {
  for (const request of [
    { op: "create-table", name: "x", columns: [] },
    { op: "query", table: "book", where: "1=1) OR (1=1" },
    { op: "query", table: "_tables" },
    { op: "nonsense" },
  ]) {
    const answer = JSON.parse(await exchange(node, address, DATA, JSON.stringify(request) + "\n"));
    assert.equal(answer.ok, false, JSON.stringify(request));
    assert.ok(answer.error.length > 0);
  }
});
