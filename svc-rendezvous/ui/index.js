"use strict";
for (const button of document.querySelectorAll("button[data-copy]")) {
	button.hidden = false;
	button.addEventListener("click", async () => {
		try {
			await navigator.clipboard.writeText(button.dataset.copy);
		} catch {
			/* Pages over plain http have no clipboard of their own. */
			const area = document.createElement("textarea");
			area.value = button.dataset.copy;
			document.body.append(area);
			area.select();
			document.execCommand("copy");
			area.remove();
		}
		button.textContent = "Copied";
		setTimeout(() => { button.textContent = "Copy"; }, 1500);
	});
}

const list = document.getElementById("peers");
const count = document.getElementById("count");
const empty = document.getElementById("empty");
const state = document.getElementById("state");
const most = 500;
const online = new Map();

function show() {
	count.textContent = `(${online.size})`;
	empty.hidden = online.size > 0;
	const shown = [...online.values()].slice(-most).reverse().map((peer) => {
		const item = document.createElement("li"), name = document.createElement("b"), id = document.createElement("code");
		name.textContent = peer.content || "(no name)";
		id.textContent = id.title = peer.peerId;
		item.append(name, id);
		return item;
	});
	list.replaceChildren(...shown);
}

let due = 0;
function soon() {
	if (due === 0)
		due = setTimeout(() => { due = 0; show(); }, 200);
}

const source = new EventSource(location.origin + "/events?changes=1");
source.addEventListener("reset", () => { online.clear(); soon(); });
source.onmessage = (event) => {
	const peer = JSON.parse(event.data);
	if (peer.type === "offline")
		online.delete(peer.peerId);
	else
		online.set(peer.peerId, peer);
	soon();
};
source.onopen = () => { state.textContent = "Live."; soon(); };
source.onerror = () => {
	/* Without an event heard there is no Last-Event-ID, and everybody comes anew. */
	state.textContent = "Connection lost, trying again.";
};
