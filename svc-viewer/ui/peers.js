// The live list of people: one row each, kept in step with /api/peers/events.
"use strict";
(() => {
	const people = document.getElementById("people");
	const nobody = document.getElementById("nobody");
	const count = document.getElementById("count");
	const state = document.getElementById("state");
	const template = document.getElementById("person");
	const self = document.querySelector("meta[name=goop-self]").content;
	const cards = new Map();
	const order = []; // the cards as they stand on the page

	function paint(avatar, id, name) {
		let sum = 0;
		for (const c of id) sum = (sum * 31 + c.codePointAt(0)) % 6;
		avatar.className = "avatar c" + sum;
		avatar.textContent = ([...name.trim()][0] || "?").toUpperCase();
	}

	function fill(card, peer) {
		const name = peer.Content || "nameless";
		card.href = "/p/" + encodeURIComponent(peer.ID) + "/";
		card.dataset.peer = peer.ID;
		card.querySelector("b").textContent = name;
		card.querySelector(".mail").textContent = peer.Email || "";
		card.querySelector(".id").textContent = peer.ID;
		card.querySelector(".id").title = peer.ID;
		const seen = new Date(peer.LastSeen);
		card.querySelector(".open").textContent =
			isNaN(seen) ? "Visit" : "Visit · heard at " + seen.toLocaleTimeString();
		paint(card.querySelector(".avatar"), peer.ID, name);
	}

	function forget(card) {
		const at = order.indexOf(card);
		if (at >= 0) order.splice(at, 1);
	}

	// In the order of names, so that a row stays where the eye has found it. With thousands of people
	// there are as many heartbeats: one that changes no name costs no search.
	function place(card, name) {
		if (card.dataset.name === name) return;
		forget(card);
		card.dataset.name = name;
		let low = 0, high = order.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			if (order[middle].dataset.name.localeCompare(name) > 0) high = middle;
			else low = middle + 1;
		}
		people.insertBefore(card, order[low] || null);
		order.splice(low, 0, card);
	}

	function put(peer) {
		let card = cards.get(peer.ID);
		if (!card) {
			card = template.content.firstElementChild.cloneNode(true);
			cards.set(peer.ID, card);
		}
		fill(card, peer);
		place(card, peer.Content || "nameless");
	}

	function drop(id) {
		const card = cards.get(id);
		if (!card) return;
		forget(card);
		card.remove();
		cards.delete(id);
	}

	function tally() {
		nobody.hidden = cards.size > 0;
		count.textContent = cards.size > 0 ? cards.size : "";
	}

	function say(text, kind) {
		state.textContent = text;
		state.className = "dot " + kind;
	}

	const own = document.getElementById("own");
	if (self) paint(own.querySelector(".avatar"), self, own.querySelector("b").textContent);
	else own.hidden = true;

	const events = new EventSource("/api/peers/events");
	events.addEventListener("snapshot", (e) => {
		const rows = JSON.parse(e.data).peers;
		const here = new Set(rows.map((peer) => peer.ID));
		for (const id of [...cards.keys()]) if (!here.has(id)) drop(id);
		rows.forEach(put);
		tally();
	});
	events.addEventListener("update", (e) => {
		put(JSON.parse(e.data).peer);
		tally();
	});
	events.addEventListener("remove", (e) => {
		drop(JSON.parse(e.data).peer_id);
		tally();
	});
	events.onopen = () => say("Live", "live");
	events.onerror = () => say("The program does not answer; trying again…", "lost");
})();
