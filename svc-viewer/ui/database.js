// The owner's look at the tables of the site: names, rows, policies.
"use strict";
(() => {
	const PAGE = 50;
	const SHOWN = 1000; // characters of a value: visitors may have stored a million
	const SYSTEM = ["_owner", "_owner_email", "_created_at", "_updated_at"];
	const token = document.querySelector("meta[name=goop-token]").content;
	const get = (id) => document.getElementById(id);
	let tables = [];
	let open = null;
	let offset = 0;

	async function call(op, body) {
		const response = await fetch("/api/data/" + op, body === undefined ? {} : {
			method: "POST",
			headers: { "Content-Type": "application/json", "X-Goop-Token": token },
			body: JSON.stringify(body),
		});
		const text = await response.text();
		if (!response.ok) throw new Error(text.trim() || response.statusText);
		return JSON.parse(text);
	}

	// Runs something the person asked for, and says what went wrong.
	async function attempt(work) {
		get("problem").hidden = true;
		try {
			await work();
		} catch (error) {
			get("problem").textContent = error.message;
			get("problem").hidden = false;
		}
	}

	function element(name, text, className) {
		const e = document.createElement(name);
		e.textContent = text;
		if (className) e.className = className;
		return e;
	}

	const words = { owner: "only you add rows", email: "visitors with e-mail add rows", open: "visitors add rows" };

	function listTables() {
		const list = get("tables");
		list.replaceChildren();
		for (const table of tables) {
			const button = element("button", table.name);
			button.append(element("small", words[table.insert_policy] || table.insert_policy));
			if (table.name === open) button.setAttribute("aria-current", "true");
			button.addEventListener("click", () => attempt(() => show(table.name, 0)));
			const item = document.createElement("li");
			item.append(button);
			list.append(item);
		}
		if (tables.length === 0) list.append(element("li", "There are no tables yet.", "empty"));
	}

	async function reload() {
		tables = await call("tables") || [];
		listTables();
	}

	function cell(value, name) {
		if (value === null || value === undefined) return element("td", "null", "none");
		let text = typeof value === "object" ? JSON.stringify(value) : String(value);
		if (text.length > SHOWN) text = text.slice(0, SHOWN) + "…";
		const td = element("td", text, SYSTEM.includes(name) ? "sys" : "");
		if (td.className) td.title = text;
		return td;
	}

	function eraser(id) {
		const td = element("td", "", "act");
		const button = element("button", "Delete");
		button.addEventListener("click", () => attempt(async () => {
			if (!confirm("Delete row " + id + " of " + open + "?")) return;
			await call("delete", { table: open, id });
			await show(open, offset);
		}));
		td.append(button);
		return td;
	}

	function showRows(columns, rows) {
		const head = document.createElement("tr");
		for (const name of columns)
			head.append(element("th", name, SYSTEM.includes(name) ? "sys" : ""));
		head.append(element("th", "", "act"));
		document.querySelector("#table thead").replaceChildren(head);
		document.querySelector("#table tbody").replaceChildren(...rows.map((row) => {
			const tr = document.createElement("tr");
			tr.append(...columns.map((name) => cell(row[name], name)), eraser(row._id));
			return tr;
		}));
	}

	function showPolicy(name) {
		const table = tables.find((t) => t.name === name);
		const policy = table ? table.insert_policy : "owner";
		const select = get("policy");
		if (![...select.options].some((o) => o.value === policy))
			select.add(new Option(policy, policy));
		select.value = policy;
	}

	// What to ask of a column: no more than is shown.
	function beginning(name) {
		if (!/^\w+$/.test(name)) return name;
		return `CASE WHEN typeof("${name}") IN ('text', 'blob') THEN substr("${name}", 1, ${SHOWN + 1}) ELSE "${name}" END AS "${name}"`;
	}

	async function show(name, from) {
		const described = await call("tables/describe", { table: name });
		const columns = (Array.isArray(described) ? described : described.columns).map((c) => c.name);
		const rows = await call("query",
			{ table: name, columns: columns.map(beginning), limit: PAGE + 1, offset: from }) || [];
		open = name;
		offset = from;
		history.replaceState(null, "", "#" + encodeURIComponent(name));
		get("name").textContent = name;
		showPolicy(name);
		showRows(columns.filter((c) => !SYSTEM.includes(c)).concat(columns.filter((c) => SYSTEM.includes(c))),
			rows.slice(0, PAGE));
		get("where").textContent = rows.length === 0 ? "no rows" :
			"rows " + (from + 1) + " to " + (from + Math.min(rows.length, PAGE));
		get("back").disabled = from === 0;
		get("on").disabled = rows.length <= PAGE;
		get("table").hidden = false;
		listTables();
	}

	// "title, votes INTEGER" as column definitions.
	function columnsOf(text) {
		return text.split(",").map((part) => part.trim().split(/\s+/)).filter((w) => w[0] !== "")
			.map(([name, type]) => ({ name, type: (type || "TEXT").toUpperCase() }));
	}

	get("policy").addEventListener("change", () => attempt(async () => {
		await call("tables/set-policy", { table: open, policy: get("policy").value });
		await reload();
	}));
	get("back").addEventListener("click", () => attempt(() => show(open, Math.max(0, offset - PAGE))));
	get("on").addEventListener("click", () => attempt(() => show(open, offset + PAGE)));
	get("new").addEventListener("submit", (e) => {
		e.preventDefault();
		attempt(async () => {
			const form = new FormData(e.target);
			const name = form.get("name").trim();
			await call("tables/create", { name, columns: columnsOf(form.get("columns")) });
			e.target.reset();
			get("maker").open = false;
			await reload();
			await show(name, 0);
		});
	});
	attempt(async () => {
		await reload();
		const wanted = decodeURIComponent(location.hash.slice(1));
		const first = tables.find((t) => t.name === wanted) || tables[0];
		if (first) await show(first.name, 0);
	});
})();
