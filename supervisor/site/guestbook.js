// The guest book: a table "guestbook" in the database of whoever owns this page. Its policy is "open": everybody
// may write. Visitors see their own entries, the owner sees all.
const form = document.getElementById("book");
const opener = document.getElementById("open");
const status = document.getElementById("status");
const entries = document.getElementById("entries");
const host = location.pathname.split("/")[2];

async function show() {
  const rows = await Goop.data.query("guestbook", { limit: 100 });
  form.hidden = false;
  opener.hidden = true;
  entries.replaceChildren(...rows.reverse().map((row) => {
    const item = document.createElement("li");
    const who = document.createElement("strong");
    const what = document.createElement("p");
    who.textContent = row.author;
    what.textContent = row.message;
    item.append(who, what);
    return item;
  }));
}

async function call(operation, body) {
  const answer = await fetch(`/api/p/${host}/data/${operation}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(await answer.text());
}

// The table is made by the owner, with one click.
async function openBook() {
  await call("tables/create", {
    name: "guestbook",
    columns: [{ name: "author", type: "TEXT" }, { name: "message", type: "TEXT" }],
  });
  await call("tables/set-policy", { table: "guestbook", policy: "open" });
  await show();
}

const attempt = (work) => work().catch((error) => { status.textContent = "That did not work: " + error.message; });

form.addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(async () => {
    const fields = new FormData(form);
    await Goop.data.insert("guestbook", { author: fields.get("author"), message: fields.get("message") });
    form.reset();
    await show();
    status.textContent = "Thank you, your entry is in the book.";
  });
});
opener.addEventListener("click", () => attempt(openBook));

async function begin() {
  const me = await Goop.identity.get();
  const home = me.id === host;
  document.getElementById("hint").hidden = !home;
  try {
    await show();
  } catch {
    opener.hidden = !home;
    if (!home) status.textContent = "The guest book is not open yet.";
  }
}
attempt(begin);
