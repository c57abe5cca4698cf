// A js-libp2p peer that speaks what Goop2 peers speak, for the tests beside this file.
import { tcp } from "@libp2p/tcp";
import { noise } from "@libp2p/noise";
import { yamux } from "@libp2p/yamux";
import { identify, identifyPush } from "@libp2p/identify";
import { ping } from "@libp2p/ping";
import { gossipsub } from "@libp2p/gossipsub";
import { mdns } from "@libp2p/mdns";
import { createLibp2p } from "libp2p";

export const TOPIC = "goop.presence.v1";
export const SITE = "/goop/site/1.0.0";
export const DATA = "/goop/data/1.0.0";
export const CONTENT = "/goop/content/1.0.0";

// A peer on `address`. With `discover` it announces itself and looks for others by mDNS; the ids of those it
// has heard of are in node.found.
export async function jsPeer({ address, discover = true }) {
  const node = await createLibp2p({
    start: false,
    addresses: { listen: [`/ip4/${address}/tcp/0`] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    peerDiscovery: discover ? [mdns({ serviceTag: "goop-mdns.local", interval: 1000 })] : [],
    connectionManager: { inboundConnectionThreshold: 1000, maxIncomingPendingConnections: 1000 },
    services: {
      identify: identify(),
      identifyPush: identifyPush(),
      ping: ping(),
      pubsub: gossipsub({
        allowPublishToZeroTopicPeers: true,
        scoreParams: { IPColocationFactorWeight: 0 },
      }),
    },
  });
  // js tells of a peer once: listen before it starts.
  node.found = new Set();
  node.addEventListener("peer:discovery", (event) => node.found.add(event.detail.id.toString()));
  await node.start();
  return node;
}

// Everything that comes on a stream until its end.
export async function readAll(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part.subarray());
  return Buffer.concat(parts);
}

// Sends with regard to back-pressure.
export async function send(stream, bytes) {
  if (!stream.send(bytes)) await stream.onDrain({ signal: AbortSignal.timeout(20000) });
}

// One exchange on a fresh stream: what is sent, then our end, then all of the answer.
export async function exchange(node, peer, protocol, text, { end = true } = {}) {
  const stream = await node.dialProtocol(peer, protocol, { signal: AbortSignal.timeout(10000) });
  if (text !== "") await send(stream, Buffer.from(text));
  const [answer] = await Promise.all([readAll(stream), end ? stream.close() : undefined]);
  return answer;
}

// Serves `files` (path -> {mime, body}) as a Goop2 site.
export async function serveSite(node, files) {
  await node.handle(SITE, async (stream) => {
    let line = "";
    for await (const part of stream) {
      line += Buffer.from(part.subarray()).toString();
      if (line.includes("\n")) break;
    }
    const path = line.trim().split(" ")[1];
    const file = files[path === "/" ? "/index.html" : path];
    if (file === undefined) {
      await send(stream, Buffer.from("ERR not found\n"));
    } else {
      await send(stream, Buffer.from(`OK ${file.mime} ${file.body.length}\n`));
      for (let at = 0; at < file.body.length; at += 65536) {
        await send(stream, file.body.subarray(at, at + 65536));
      }
    }
    await stream.close();
  }, { maxInboundStreams: 256 });
}

// Answers each data request with answer(request, who).
export async function serveData(node, answer) {
  await node.handle(DATA, async (stream, connection) => {
    let line = "";
    for await (const part of stream) {
      line += Buffer.from(part.subarray()).toString();
      if (line.includes("\n")) break;
    }
    const reply = answer(JSON.parse(line), connection.remotePeer.toString());
    await send(stream, Buffer.from(JSON.stringify(reply) + "\n"));
    await stream.close();
  }, { maxInboundStreams: 256 });
}

export function presence(node, type, label, extra = {}) {
  return Buffer.from(JSON.stringify({
    type, peerId: node.peerId.toString(), content: label,
    addrs: node.getMultiaddrs().map(String).filter((a) => !a.includes("127.0.0.1")),
    ts: Date.now(), ...extra,
  }));
}

// Waits until check() returns something true, asking again every 20 ms.
export async function until(what, check, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await check();
    if (found) return found;
    if (Date.now() > end) throw new Error(`did not become true in ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
