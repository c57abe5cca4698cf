// Presence as peers on js-libp2p's keys write it, and the two ways in which they talk to a rendezvous server.
import { generateKeyPair } from "@libp2p/crypto/keys";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import { EventSource } from "eventsource";

// A peer with nothing but a key: message(type, content, {sign, ...fields}) is the JSON that it publishes.
export async function somebody() {
  const key = await generateKeyPair("Ed25519");
  const id = peerIdFromPrivateKey(key).toString();
  let last = 0;
  const message = async (type, content, { sign = false, ...extra } = {}) => {
    last = Math.max(Date.now(), last + 1);
    const said = { type, peerId: id, content, addrs: ["/ip4/192.0.2.1/tcp/4001"], ts: last, ...extra };
    if (sign) {
      const text = ["goop-presence-v1", said.type, said.peerId, said.content, said.email ?? "",
        said.avatarHash ?? "", String(said.ts), ...said.addrs].map((field) => field + "\0").join("");
      said.sig = Buffer.from(await key.sign(Buffer.from(text))).toString("base64");
    }
    return said;
  };
  return { id, message };
}

export async function publish(server, message) {
  const body = typeof message === "string" ? message : JSON.stringify(message);
  const answer = await fetch(`${server}/publish`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body });
  return { status: answer.status, text: (await answer.text()).trim(), retryAfter: answer.headers.get("Retry-After") };
}

// Listens with the package eventsource. hear({type, id, data}) is told of each event, which are also in .events
// when nobody is told; asked(headers) of each request.
export async function listen(url, { asked = () => {}, hear } = {}) {
  const events = [];
  hear ??= (event) => events.push(event);
  const source = new EventSource(url, { fetch: (to, options) => { asked(options.headers); return fetch(to, options); } });
  for (const type of ["message", "reset"]) {
    source.addEventListener(type, (event) => hear({ type, id: event.lastEventId, data: JSON.parse(event.data) }));
  }
  await new Promise((resolve, reject) => {
    source.addEventListener("open", resolve, { once: true });
    source.addEventListener("error", (error) => reject(new Error(error.message)), { once: true });
  });
  return { source, events };
}
