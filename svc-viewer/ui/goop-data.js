// Goop.data: the database of the site that this page belongs to.
//
//	const db = Goop.data;
//	const rows = await db.query("posts", { where: "published = ?", args: [1], limit: 20 });
//	const { id } = await db.insert("posts", { title: "Hello" });
//	const posts = await db.orm("posts");        // a handle with the table's columns
//	const post = await posts.findOne({ where: "slug = ?", args: ["hello"] });
//
// On a page below /p/<peer id>/ it is that peer's database, elsewhere one's own. What the database
// itself does not know (order, distinct, aggregates, upsert, ...) is done here with the rows that it
// gives, so it works with every peer.
"use strict";
(() => {
	const Goop = (window.Goop = window.Goop || {});
	const place = location.pathname.match(/^\/p\/([^/]+)(?:\/|$)/);
	const hostId = place ? decodeURIComponent(place[1]) : null;
	const base = place ? "/api/p/" + place[1] + "/data" : "/api/data";
	const SYSTEM = new Set(["_id", "_owner", "_owner_email", "_created_at", "_updated_at"]);

	async function answer(response) {
		if (!response.ok) {
			const text = (await response.text()).trim();
			throw new Error(text || response.statusText);
		}
		return response.json();
	}

	const get = async (op) => answer(await fetch(base + "/" + op));

	const post = async (op, body) => answer(await fetch(base + "/" + op, {
		method: "POST",
		headers: { "Content-Type": "application/json" },
		body: JSON.stringify(body),
	}));

	// --- small helpers for pages ------------------------------------------------------------

	Goop.esc = (value) => String(value == null ? "" : value).replace(/[&<>"']/g,
		(c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[c]);

	// A stored time (UTC, "2026-01-31 23:59:59") as a date in the reader's language.
	Goop.date = (stamp, options) => {
		if (!stamp) return "";
		const date = new Date(String(stamp).replace(" ", "T") + "Z");
		if (isNaN(date)) return String(stamp);
		return date.toLocaleDateString(undefined,
			options || { year: "numeric", month: "long", day: "numeric" });
	};

	let peer = null;
	Goop.peer = async () => {
		if (peer) return peer;
		const known = { myId: "", hostId: hostId || "", isOwner: false, isGroup: false, label: "" };
		try {
			const me = await (Goop.identity ? Goop.identity.get() : answer(await fetch("/api/self")));
			Object.assign(known, { myId: me.id, label: me.label || "" });
			known.isOwner = hostId === null || hostId === me.id;
			known.email = me.email || "";
			peer = known;
		} catch (_) {
			// Who we are cannot be told now; asked again next time.
		}
		return known;
	};

	// Renders rows into an element; buttons with data-action and data-id call options.actions[action].
	Goop.list = (element, rows, render, options = {}) => {
		if (!rows || rows.length === 0) {
			element.innerHTML = '<div class="empty-msg">' + (options.empty || "<p>Nothing here yet.</p>") + "</div>";
			return;
		}
		element.innerHTML = rows.map(render).join("");
		const rowOf = (id) => rows.find((row) => String(row._id) === id);
		const number = (id) => (id === undefined ? null : parseInt(id, 10));
		for (const [action, call] of Object.entries(options.actions || {}))
			for (const button of element.querySelectorAll('[data-action="' + CSS.escape(action) + '"]'))
				button.addEventListener("click", (event) => {
					event.stopPropagation();
					call(number(button.dataset.id), rowOf(button.dataset.id) || null, button);
				});
		if (!options.onRow) return;
		for (const item of element.querySelectorAll("[data-id]"))
			item.addEventListener("click", (event) => {
				if (event.target.tagName !== "BUTTON")
					options.onRow(number(item.dataset.id), rowOf(item.dataset.id));
			});
	};

	// A dialog of the page's own that is shown by taking the class "hidden" away.
	Goop.overlay = (which) => {
		const el = typeof which === "string" ? document.getElementById(which) : which;
		if (!el) return { open() {}, close() {} };
		const close = () => el.classList.add("hidden");
		const open = () => {
			el.classList.remove("hidden");
			const first = el.querySelector("input, textarea, select");
			if (first) first.focus();
		};
		el.addEventListener("mousedown", (event) => event.target === el && close());
		for (const button of el.querySelectorAll("[data-close]")) button.addEventListener("click", close);
		document.addEventListener("keydown", (event) => event.key === "Escape" && close());
		return { open, close, el };
	};

	// --- what is done with rows here --------------------------------------------------------

	// "a DESC, b" as [[name, direction], ...].
	function orderOf(text) {
		return text.split(",").map((part) => part.trim().split(/\s+/)).filter((words) => words[0])
			.map(([name, way]) => [name.replace(/^"|"$/g, ""), /^desc$/i.test(way || "") ? -1 : 1]);
	}

	// As SQLite orders: null, numbers, text.
	function compare(a, b) {
		const rank = (v) => (v === null || v === undefined ? 0 : typeof v === "string" ? 2 : 1);
		if (rank(a) !== rank(b)) return rank(a) - rank(b);
		return a < b ? -1 : a > b ? 1 : 0;
	}

	function sort(rows, order) {
		return rows.sort((a, b) => {
			for (const [name, way] of order) {
				const c = compare(a[name], b[name]);
				if (c !== 0) return c * way;
			}
			return 0;
		});
	}

	function pick(row, names) {
		return Object.fromEntries(names.map((name) => [name, row[name]]));
	}

	async function find(table, options = {}) {
		const { where, args, limit = 0, offset = 0 } = options;
		const fields = options.fields || options.columns;
		const order = options.order ? orderOf(options.order) : [];
		const ask = { table };
		if (where) Object.assign(ask, { where, args: args || [] });
		if (fields && fields.length)
			ask.columns = [...new Set([...fields, ...order.map(([name]) => name)])];
		if (order.length === 0) {
			if (limit) ask.limit = limit;
			if (offset) ask.offset = offset;
			return (await post("query", ask)) || [];
		}
		const rows = sort((await post("query", ask)) || [], order).slice(offset, limit ? offset + limit : undefined);
		return fields && fields.length ? rows.map((row) => pick(row, fields)) : rows;
	}

	// "COUNT(*) as n, SUM(price)" as [{fn, column, name}, ...].
	function aggregatesOf(text) {
		return text.split(",").map((part) => {
			const m = part.trim().match(/^(count|sum|avg|min|max|total)\s*\(\s*(\*|"?\w+"?)\s*\)(?:\s+as\s+"?(\w+)"?)?$/i);
			if (!m) throw new Error("cannot compute " + part.trim());
			return { fn: m[1].toLowerCase(), column: m[2].replace(/"/g, ""), name: m[3] || part.trim() };
		});
	}

	function reduce({ fn, column }, rows) {
		const values = column === "*" ? rows : rows.map((row) => row[column]).filter((v) => v !== null && v !== undefined);
		const sum = () => values.reduce((total, v) => total + Number(v), 0);
		switch (fn) {
		case "count": return values.length;
		case "total": return sum();
		case "sum": return values.length ? sum() : null;
		case "avg": return values.length ? sum() / values.length : null;
		default: return values.length ? [...values].sort(compare)[fn === "min" ? 0 : values.length - 1] : null;
		}
	}

	async function aggregate(table, expr, options = {}) {
		const wanted = aggregatesOf(expr);
		const by = options.group_by || options.groupBy;
		const columns = [...new Set(["_id", ...wanted.map((w) => w.column).filter((c) => c !== "*"), ...(by ? [by] : [])])];
		const rows = await find(table, { where: options.where, args: options.args, fields: columns });
		const groups = new Map();
		if (!by) groups.set(null, rows);
		for (const row of by ? rows : []) {
			if (!groups.has(row[by])) groups.set(row[by], []);
			groups.get(row[by]).push(row);
		}
		return [...groups].map(([key, members]) => Object.assign(by ? { [by]: key } : {},
			Object.fromEntries(wanted.map((w) => [w.name, reduce(w, members)]))));
	}

	async function eachMatch(table, options, work) {
		const rows = await find(table, { where: options.where, args: options.args, fields: ["_id"] });
		for (const row of rows) await work(row._id);
		return { affected: rows.length };
	}

	function quoted(name) {
		if (!/^[A-Za-z_]\w*$/.test(name)) throw new Error("not a column: " + name);
		return name;
	}

	// --- schema -----------------------------------------------------------------------------

	// The columns as this program and deployed ones describe them, in every shape that pages have
	// learned to read: an array that also has .columns and .schema.
	async function describe(table) {
		const got = await post("tables/describe", { table });
		if (!Array.isArray(got)) {
			if (got && got.columns && !got.schema) got.schema = { name: table, columns: got.columns };
			return got;
		}
		return Object.assign(got, { mode: "classic", columns: got, schema: { name: table, columns: got } });
	}

	function shaped(column) {
		return Object.assign({}, column, {
			type: String(column.type || "text").toLowerCase(),
			required: "required" in column ? column.required :
				Boolean(column.not_null) && (column.default === null || column.default === undefined) &&
				!column.pk && !SYSTEM.has(column.name),
		});
	}

	function mayInsert(policy, me) {
		return me.isOwner || policy === "open" || policy === "public" || (policy === "email" && Boolean(me.email));
	}

	async function accessOf(table) {
		const found = ((await Goop.data.tables()) || []).find((t) => t.name === table);
		const policy = found ? found.insert_policy : "owner";
		return { read: "open", insert: policy, update: "open", delete: "open" };
	}

	// --- forms and tables from a schema -----------------------------------------------------

	function fieldHtml(column, value, label) {
		const esc = Goop.esc, id = "orm-f-" + column.name;
		const mark = ' id="' + esc(id) + '" data-col="' + esc(column.name) + '"' + (column.required ? " required" : "");
		const input = column.values && column.values.length
			? "<select" + mark + '><option value="">— select —</option>' + column.values.map((v) =>
				'<option value="' + esc(v.key) + '"' + (String(value) === String(v.key) ? " selected" : "") + ">" +
				esc(v.label) + "</option>").join("") + "</select>"
			: "<input" + mark + ' type="' + (column.type === "integer" || column.type === "real" ? "number" : "text") +
				'" value="' + esc(value) + '">';
		return '<div class="orm-field"><label for="' + esc(id) + '">' + esc(label) + "</label>" + input + "</div>";
	}

	function form(el, columns, options = {}) {
		const without = new Set(options.exclude || []), values = options.values || {}, labels = options.labels || {};
		const shown = columns.filter((c) => !SYSTEM.has(c.name) && !without.has(c.name) && !c.auto);
		el.innerHTML = '<div class="orm-form">' + shown.map((c) => fieldHtml(c,
			values[c.name] ?? c.default ?? "", labels[c.name] || c.name)).join("") +
			(options.submitLabel === false ? "" : '<div class="orm-btns"><button class="orm-submit">' +
				Goop.esc(options.submitLabel || "Save") + "</button></div>") + "</div>";
		const button = el.querySelector(".orm-submit");
		if (button && options.onSave) button.addEventListener("click", () => options.onSave(Object.fromEntries(
			[...el.querySelectorAll("[data-col]")].map((input) => [input.dataset.col, input.value]))));
	}

	function table(el, columns, rows, options = {}) {
		const esc = Goop.esc, without = new Set(options.exclude || []), labels = options.labels || {};
		const actions = options.actions || {};
		const shown = columns.filter((c) => !SYSTEM.has(c.name) && !without.has(c.name));
		if (options.showId) shown.unshift({ name: "_id" });
		const button = (action, text, row) => (actions[action]
			? '<button data-action="' + action + '" data-id="' + esc(row._id) + '">' + text + "</button>" : "");
		const buttons = (row) => (options.actions
			? '<td class="orm-actions">' + button("edit", "Edit", row) + button("remove", "Delete", row) + "</td>" : "");
		el.innerHTML = '<table class="orm-table"><thead><tr>' +
			shown.map((c) => "<th>" + esc(labels[c.name] || c.name) + "</th>").join("") +
			(options.actions ? "<th></th>" : "") + "</tr></thead><tbody></tbody></table>";
		Goop.list(el.querySelector("tbody"), rows, (row) => '<tr data-id="' + esc(row._id) + '">' +
			shown.map((c) => "<td>" + esc(row[c.name]) + "</td>").join("") + buttons(row) + "</tr>",
			{ actions, onRow: options.onRow, empty: " " });
	}

	// --- the interface ----------------------------------------------------------------------

	Goop.data = {
		query: (name, options) => post("query", Object.assign({ table: name }, options || {})),
		find,
		findOne: async (name, options) => (await find(name, Object.assign({}, options, { limit: 1 })))[0] || null,
		get: (name, id) => Goop.data.findOne(name, { where: "_id = ?", args: [id] }),
		getBy: async (name, column, value) => Goop.data.findOne(name, { where: quoted(column) + " = ?", args: [value] }),
		list: (name, limit) => find(name, { limit: limit || 0 }),
		pluck: async (name, column, options) =>
			(await find(name, Object.assign({}, options, { fields: [column] }))).map((row) => row[column]),
		distinct: async (name, column, options) => [...new Set(await Goop.data.pluck(name, column, options))],
		exists: async (name, options) =>
			(await find(name, Object.assign({}, options, { fields: ["_id"], limit: 1 }))).length > 0,
		count: async (name, options) =>
			(await find(name, Object.assign({}, options, { fields: ["_id"], limit: 0 }))).length,
		aggregate,

		insert: (name, data) => post("insert", { table: name, data }),
		update: (name, id, data) => post("update", { table: name, id, data }),
		remove: (name, id) => post("delete", { table: name, id }),
		updateWhere: (name, data, options) => eachMatch(name, options || {}, (id) => Goop.data.update(name, id, data)),
		deleteWhere: (name, options) => eachMatch(name, options || {}, (id) => Goop.data.remove(name, id)),
		upsert: async (name, key, data) => {
			const row = await Goop.data.getBy(name, key, data[key]);
			if (!row) return { status: "ok", id: (await Goop.data.insert(name, data)).id };
			await Goop.data.update(name, row._id, data);
			return { status: "ok", id: row._id };
		},

		tables: () => get("tables"),
		describe,
		schemas: async () => Promise.all(((await Goop.data.tables()) || []).map(async (t) =>
			Object.assign({ name: t.name }, (await describe(t.name)).schema))),
		role: async (name) => {
			const me = await Goop.peer(), access = await accessOf(name);
			return {
				role: me.isOwner ? "owner" : "",
				permissions: { read: true, insert: mayInsert(access.insert, me), update: true, delete: true },
			};
		},
		createTable: (name, columns) => post("tables/create", { name, columns }),
		dropTable: (name) => post("tables/delete", { table: name }),
		addColumn: (name, column) => post("tables/add-column", { table: name, column }),

		// A handle on one table: its columns, and everything above without the table's name.
		orm: async (name) => {
			const schema = (await describe(name)).schema || {};
			const columns = (schema.columns || []).map(shaped);
			const access = schema.access || (await accessOf(name)), me = await Goop.peer();
			const handle = {
				name: schema.name || name, columns, access,
				system_key: schema.system_key || false, context: schema.context || false,
				canInsert: mayInsert(access.insert, me), canUpdate: true, canDelete: true,
				validate: (data) => {
					const errors = [];
					for (const c of columns) {
						const value = data[c.name];
						if (c.required && (value == null || value === "")) errors.push(c.name + " is required");
						if (value != null && c.type === "integer" && typeof value !== "number")
							errors.push(c.name + " must be a number");
					}
					return { valid: errors.length === 0, errors };
				},
				form: (el, options) => form(el, columns, options),
				table: (el, rows, options) => table(el, columns, rows, options),
			};
			for (const call of ["find", "findOne", "get", "getBy", "list", "pluck", "distinct", "exists", "count",
				"aggregate", "insert", "update", "remove", "updateWhere", "deleteWhere", "upsert"])
				handle[call] = (...args) => Goop.data[call](name, ...args);
			return handle;
		},

		// Settings in a table: rows of key and value, or the columns of its last row.
		config: async (name, defaults) => {
			const schema = (await describe(name)).schema || {};
			const names = (schema.columns || []).map((c) => c.name);
			const pairs = names.includes("key") && names.includes("value");
			const values = Object.assign({}, defaults);
			const rows = await find(name, pairs ? {} : { order: "_id DESC", limit: 1 }).catch(() => []);
			for (const row of rows) {
				if (pairs) values[row.key] = row.value;
				else for (const n of names) if (row[n] != null) values[n] = row[n];
			}
			const config = {
				get: (key) => values[key],
				set: async (key, value) => {
					values[key] = value;
					if (pairs) return void (await Goop.data.upsert(name, "key", { key, value }));
					const last = (await find(name, { order: "_id DESC", limit: 1, fields: ["_id"] }))[0];
					if (last) await Goop.data.update(name, last._id, { [key]: value });
					else await Goop.data.insert(name, { [key]: value });
				},
			};
			for (const key of Object.keys(values))
				if (!(key in config)) Object.defineProperty(config, key, { get: () => values[key], enumerable: true });
			return config;
		},

		call: (fn, params) => post("lua/call", { function: fn, params: params || {} }),
		api: (fn) => (action, params) => Goop.data.call(fn, Object.assign({ action }, params || {})),
		functions: async () => ((await get("lua/list")) || {}).functions || [],
	};
})();
