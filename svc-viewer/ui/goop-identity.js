// Goop.identity: who is looking at this page.
//
//	const me = await Goop.identity.get();    // {id, label, email, avatar_hash}
"use strict";
(() => {
	const Goop = (window.Goop = window.Goop || {});
	let known = null;

	async function get() {
		if (known) return known;
		const response = await fetch("/api/self");
		if (!response.ok) throw new Error(response.statusText);
		known = await response.json();
		return known;
	}

	Goop.identity = {
		get,
		id: async () => (await get()).id,
		label: async () => (await get()).label,
		email: async () => (await get()).email,
		refresh: () => { known = null; },
		// What to call a peer: "You", the name given, or the end of the id.
		resolveName: (id, name) => {
			if (known && id === known.id) return "You";
			return name || (id ? id.slice(-6) : "???");
		},
	};
})();
