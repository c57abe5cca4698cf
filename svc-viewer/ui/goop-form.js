// Goop.form: a form from a list of fields, kept in a table of the site. Needs goop-data.js, and
// goop-identity.js for singleResponse.
//
//	await Goop.form.render(element, {
//		table: "responses",
//		fields: [{ name: "q1", label: "Your name?", type: "text" },
//			{ name: "q2", label: "Pick one", type: "select", options: ["A", "B"] }],
//		singleResponse: true,            // one row for each visitor
//		onDone() {},
//	});
//
// Types: text, textarea, select, radio, checkbox, toggle, number, stepper, date, datetime, color, tags.
"use strict";
(() => {
	const Goop = (window.Goop = window.Goop || {});
	const INPUTS = { number: "number", stepper: "number", date: "date", datetime: "datetime-local", color: "color" };
	const isCheck = (field) => field.type === "checkbox" || field.type === "toggle";

	function node(name, attributes, ...children) {
		const e = document.createElement(name);
		for (const [key, value] of Object.entries(attributes))
			if (value !== undefined && value !== false && value !== null) e.setAttribute(key, value === true ? "" : value);
		e.append(...children);
		return e;
	}

	function choices(field, id) {
		if (field.type === "radio")
			return node("div", { class: "gform-radio-group", "data-field": field.name, role: "radiogroup" },
				...(field.options || []).map((option, i) => node("label", {},
					node("input", { type: "radio", name: field.name, id: id + "-" + i, value: option }), " " + option)));
		return node("select", { class: "gform-select", id, "data-field": field.name, multiple: Boolean(field.multi) },
			node("option", { value: "" }, "— select —"),
			...(field.options || []).map((option) => node("option", { value: option }, String(option))));
	}

	function control(field, id) {
		const common = { id, "data-field": field.name, placeholder: field.placeholder, required: Boolean(field.required) };
		if (field.type === "select" || field.type === "radio") return choices(field, id);
		if (field.type === "textarea") return node("textarea", Object.assign({ class: "gform-textarea" }, common));
		return node("input", Object.assign({ class: "gform-input", type: INPUTS[field.type] || "text",
			min: field.min, max: field.max, step: field.step }, common));
	}

	function fieldNode(field) {
		const id = "gform-" + field.name, label = field.label || field.name;
		if (isCheck(field))
			return node("div", { class: "gform-field" }, node("div", { class: "gform-checkbox-wrap" }, node("label", {},
				node("input", { type: "checkbox", id, "data-field": field.name, value: "1" }), " " + label)));
		return node("div", { class: "gform-field" },
			node("label", { class: "gform-label", for: id }, label), control(field, id));
	}

	const inputOf = (form, field) => form.querySelector('[data-field="' + CSS.escape(field.name) + '"]');

	function fill(form, field, value) {
		const input = inputOf(form, field);
		if (!input || value === null || value === undefined) return;
		if (isCheck(field)) input.checked = value === "1" || value === 1 || value === true;
		else if (field.type === "radio")
			for (const radio of input.querySelectorAll("input")) radio.checked = radio.value === String(value);
		else if (input.multiple)
			for (const option of input.options) option.selected = String(value).split(",").includes(option.value);
		else input.value = String(value);
	}

	function read(form, field) {
		const input = inputOf(form, field);
		if (!input) return "";
		if (isCheck(field)) return input.checked ? "1" : "0";
		if (field.type === "radio") {
			const chosen = input.querySelector("input:checked");
			return chosen ? chosen.value : "";
		}
		if (input.multiple) return [...input.selectedOptions].map((option) => option.value).filter(Boolean).join(",");
		return input.value;
	}

	// The fields lead: a table or column that is missing is made, which only the site's owner may do.
	async function ensureTable(db, table, fields) {
		const column = (field) => ({ name: field.name, type: "TEXT", default: "''" });
		const tables = (await db.tables()) || [];
		if (!tables.some((t) => t.name === table)) {
			await db.createTable(table, fields.map(column));
			return;
		}
		const described = await db.describe(table);
		const have = new Set(((described && described.columns) || []).map((c) => c.name));
		for (const field of fields) if (!have.has(field.name)) await db.addColumn(table, column(field));
	}

	async function earlierRow(db, options) {
		if (!options.singleResponse || !Goop.identity) return null;
		try {
			const me = await Goop.identity.id();
			return (await db.query(options.table, { where: "_owner = ?", args: [me], limit: 1 }))[0] || null;
		} catch (_) {
			return null;
		}
	}

	async function render(el, options) {
		const db = Goop.data, fields = options.fields || [];
		if (!db) {
			el.replaceChildren(node("p", { class: "gform-error" }, "goop-data.js is required"));
			return;
		}
		await ensureTable(db, options.table, fields);
		let row = await earlierRow(db, options);
		const button = node("button", { class: "primary", id: "gform-submit", type: "button" },
			row ? "Update" : options.submitLabel || "Submit");
		const status = node("div", { class: "gform-status", id: "gform-status", role: "status" });
		const form = node("div", { class: "gform-wrap" }, ...fields.map(fieldNode),
			node("div", { class: "gform-btns" }, button), status);
		el.replaceChildren(form);
		for (const field of fields) if (row) fill(form, field, row[field.name]);

		async function save() {
			const data = Object.fromEntries(fields.map((field) => [field.name, read(form, field)]));
			if (row) {
				await db.update(options.table, row._id, data);
				return "Updated!";
			}
			row = { _id: (await db.insert(options.table, data)).id };
			button.textContent = "Update";
			return "Submitted!";
		}

		button.addEventListener("click", async () => {
			const empty = [...form.querySelectorAll("[required]")].find((input) => !input.reportValidity());
			if (empty) return;
			button.disabled = true;
			status.textContent = "Saving...";
			try {
				status.textContent = await save();
				if (options.onDone) options.onDone();
			} catch (error) {
				status.textContent = "Error: " + error.message;
			}
			button.disabled = false;
		});
	}

	Goop.form = { render };
})();
