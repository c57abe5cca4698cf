"use strict";
const body = document.getElementById("rows");
const count = document.getElementById("count");
const log = document.getElementById("log");
const state = document.getElementById("state");
const columns = ["peer_id", "type", "content", "email", "avatar_hash", "addrs", "ts", "last_seen", "bytes_sent", "bytes_received"];

function text(row, column) {
	const value = row[column];
	if (column === "ts" || column === "last_seen") {
		const when = new Date(value);
		return Number.isNaN(when.getTime()) ? String(value) : when.toISOString().replace(/T(.{8}).*/, " $1Z");
	}
	if (column === "type")
		return value + (row.signed ? ", signed" : "");
	return Array.isArray(value) ? value.join(" ") : String(value ?? "");
}

async function refresh() {
	let wait = 2000;
	try {
		const [rows, lines] = await Promise.all(["/peers.json", "/logs.json"].map(async (path) => {
			/* A page opened with name and password in its address may not use relative ones. */
			const answer = await fetch(location.origin + path, { cache: "no-store" });
			if (!answer.ok)
				throw new Error(`${path}: ${answer.status}`);
			return answer.json();
		}));
		count.textContent = `(${rows.length})`;
		body.replaceChildren(...rows.map((row) => {
			const line = document.createElement("tr");
			for (const column of columns) {
				const cell = line.insertCell();
				cell.dataset.column = column;
				cell.textContent = text(row, column);
			}
			return line;
		}));
		log.textContent = lines.reverse().join("\n");
		state.textContent = "Live.";
		if (rows.length > 500)
			wait = 10000;
	} catch (error) {
		state.textContent = `Not live: ${error.message}`;
	}
	setTimeout(refresh, wait);
}
refresh();
