// The peer at rendezvous servers that are not ours, all at once: one as deployed, one that minds fields it does
// not know, one that ends its streams, one that sends garbage, one whose lines never end, one that never answers.
import assert from "node:assert/strict";
import http from "node:http";
import { after, before, test } from "node:test";
import { until } from "./js_peer.js";
import { goop, people } from "./goop_peer.js";
import { somebody } from "./presence.js";

const KNOWN = new Set(["type", "peerId", "content", "email", "avatarHash", "addrs", "target", "ts", "videoDisabled",
  "activeTemplate", "publicKey", "encryptionSupported", "verified", "goopClientVersion", "verificationToken"]);
const servers = {};
let id;

// What the deployed server does: each message goes to everybody as `data:`, without ids; query and
// Last-Event-ID mean nothing to it.
function serve(name, port, { events, accept = () => undefined } = {}) {
  const s = servers[name] = { published: [], refused: [], asked: [], streams: new Set() };
  const publish = async (request, answer) => {
    let body = "";
    for await (const part of request) body += part;
    const message = JSON.parse(body);
    const why = accept(message);
    (why === undefined ? s.published : s.refused).push(message);
    if (why !== undefined) return answer.writeHead(400).end(why);
    s.say(message);
    answer.writeHead(204).end();
  };
  s.say = (message) => { for (const stream of s.streams) stream.write(`data: ${JSON.stringify(message)}\n\n`); };
  s.http = http.createServer((request, answer) => {
    if (request.method === "POST") return void publish(request, answer).catch(() => answer.destroy());
    s.asked.push({ url: request.url, at: Date.now() });
    answer.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
    answer.write(": ok\n\n");
    s.streams.add(answer);
    answer.on("close", () => s.streams.delete(answer));
    events?.(answer);
  }).listen(port, process.env.JS_IP);
  return s;
}

// Says it now and then every five seconds, as somebody does who is there.
function keepSaying(stream, message) {
  const say = () => stream.write(`data: ${JSON.stringify(message)}\n\n`);
  const beat = setInterval(say, 5000);
  stream.on("close", () => clearInterval(beat));
  say();
}

const lists = (label) => until(label, async () => (await people()).some((p) => p.label === label));
const state = async (port) => {
  const texts = JSON.parse(await goop("status", "--json")).rendezvous.split("; ");
  return texts.find((text) => text.includes(`:${port} `)) ?? "";
};
const beats = async (name, label) => {
  const peer = await somebody();
  await until(`a listener at ${name}`, () => servers[name].streams.size > 0);
  servers[name].say(await peer.message("online", label));
  await lists(label);
  return peer;
};

let garbage, endless, silent;

before(async () => {
  id = await goop("id");
  const [g, e] = [await somebody(), await somebody()];
  garbage = await g.message("online", "after the garbage");
  endless = await e.message("online", "after the endless line");
  serve("deployed", 9001);
  serve("strict", 9002, { accept: (message) => {
    const unknown = Object.keys(message).find((field) => !KNOWN.has(field));
    return unknown && `json: unknown field "${unknown}"`;
  } });
  serve("ending", 9003, { events: (stream) => setTimeout(() => stream.end(), 50) });
  serve("garbage", 9004, { events: (stream) => {
    const bytes = Buffer.alloc(300000);
    for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 7919 + (i >> 8) * 31) & 255;
    stream.write(bytes);
    stream.write('\n\ndata: {"type":"online"\n\ndata: []\n\ndata: null\n\ndata: {"type":7,"peerId":[],"ts":{}}\n\n');
    stream.write('event: reset\nid: \0\nretry: -1\nretry: 99999999999999999999\ndata\n\nid: x\ny\n\n');
    stream.write('data: {"type":"online","peerId":"12D3KooWnobody","ts":1}\n\n');
    keepSaying(stream, garbage);
  } });
  serve("endless", 9005, { events: (stream) => {
    const block = Buffer.alloc(1 << 20, "x");
    let left = 64;
    const more = () => {
      while (left-- > 0) if (!stream.write(block)) return void stream.once("drain", more);
      stream.write("\n\n");
      keepSaying(stream, endless);
    };
    stream.write("data: ");
    more();
  } });
  silent = http.createServer(() => {}).listen(9006, process.env.JS_IP);
});
after(() => {
  for (const s of [silent, ...Object.values(servers).map((one) => one.http)]) {
    s.close();
    s.closeAllConnections();
  }
});

test("the deployed server has the peer's presence, and is listened to", async () => {
  const s = servers.deployed;
  const mine = await until("a publish", () => s.published.find((m) => m.peerId === id));
  assert.equal(mine.content, "goop");
  assert.ok(mine.addrs.some((a) => a.includes(process.env.GOOP_IP)), String(mine.addrs));
  const peer = await beats("deployed", "a foreigner");
  assert.match(s.asked[0].url, /^\/events\?changes=1$/);
  await until("connected", async () => (await state(9001)).includes("connected since"));
  s.say(await peer.message("update", "a foreigner, renamed"));
  await lists("a foreigner, renamed");
  s.say(await peer.message("offline", "a foreigner, renamed"));
  await until("gone", async () => !(await people()).some((p) => p.id === peer.id));
});

test("one that minds unknown fields gets the same without them, at once and from then on", async () => {
  const s = servers.strict;
  await until("three messages", () => s.published.filter((m) => m.peerId === id).length >= 3);
  assert.ok(s.refused.length >= 1 && s.refused.every((m) => m.sig !== undefined), "only what is signed is refused");
  assert.ok(s.published.every((m) => Object.keys(m).every((field) => KNOWN.has(field))));
  assert.equal(s.refused.length, 1, "it is not asked again and again");
  const text = await until("connected", async () => (await state(9002)).includes("connected since") && state(9002));
  assert.ok(!text.includes("not taken"), text);
  await beats("strict", "at the strict one");
});

test("one that ends its streams is asked again, and soon only every few seconds", async () => {
  const s = servers.ending;
  await until("six tries", () => s.asked.length >= 6, 60);
  const gaps = s.asked.slice(1).map((one, i) => one.at - s.asked[i].at);
  // The peer has tried before this server was there, so the first gap may be long already.
  assert.ok(gaps.every((ms) => ms > 100) && gaps[4] > 1900, String(gaps));
  assert.match(await state(9003), /not connected: the server ended the stream|connected since/);
});

test("a clock that is wrong by minutes hides nobody", async () => {
  for (const [label, minutes] of [["ten minutes behind", -10], ["ten minutes ahead", 10]]) {
    const peer = await somebody();
    servers.deployed.say(await peer.message("online", label, { sign: true, ts: Date.now() + minutes * 60000 }));
    await lists(label);
  }
});

test("garbage is stepped over", async () => {
  await lists("after the garbage");
  assert.match(await state(9004), /connected since/);
});

test("a line of 64 MiB is stepped over, and not kept", async () => {
  await lists("after the endless line");
  const service = JSON.parse(await goop("status", "--json")).services.find((s) => s.name === "svc-discovery");
  assert.deepEqual(service.deaths, []);
  assert.ok(service.memory_bytes < 16 * 1024 * 1024, String(service.memory_bytes));
});

test("one that never answers is given up and tried again, and holds up nobody", async () => {
  await until("given up", async () => (await state(9006)).includes("not connected: no event stream came in time"), 60);
  await beats("deployed", "meanwhile");
});

test("a clean stop is heard by all that hear, and waits for none that does not", async () => {
  const began = Date.now();
  await goop("stop");
  for (const name of ["deployed", "strict", "ending", "garbage"]) {
    await until(`offline at ${name}`, () => servers[name].published.some((m) => m.peerId === id && m.type === "offline"));
  }
  assert.ok(Date.now() - began < 15000);
});
