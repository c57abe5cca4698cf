// Goop.peers: who is on the network.
//
//	const peers = await Goop.peers.list();   // [{ID, Content, Email, AvatarHash, LastSeen}]
//	Goop.peers.subscribe({
//		onSnapshot(peers) {},
//		onUpdate(id, peer) {},
//		onRemove(id) {},
//		onError() {},
//	});
"use strict";
(() => {
	const Goop = (window.Goop = window.Goop || {});
	let events = null;

	Goop.peers = {
		list: async () => {
			const response = await fetch("/api/peers");
			if (!response.ok) throw new Error(response.statusText);
			return response.json();
		},

		// Events come as they happen; there is nothing to poll.
		subscribe: (callbacks) => {
			const call = (name, ...args) => callbacks && callbacks[name] && callbacks[name](...args);
			Goop.peers.unsubscribe();
			events = new EventSource("/api/peers/events");
			events.addEventListener("snapshot", (e) => call("onSnapshot", JSON.parse(e.data).peers || []));
			events.addEventListener("update", (e) => {
				const change = JSON.parse(e.data);
				call("onUpdate", change.peer_id, change.peer);
			});
			events.addEventListener("remove", (e) => call("onRemove", JSON.parse(e.data).peer_id));
			events.onerror = () => call("onError");
			return events;
		},

		unsubscribe: () => {
			if (events) events.close();
			events = null;
		},
	};
})();
