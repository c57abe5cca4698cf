// The guest book: a table "guestbook" in the database of whoever owns this page. A visitor sees the
// entries that the table's policy shows; the owner sees all of them.
const form = document.getElementById("book");
const status = document.getElementById("status");
const entries = document.getElementById("entries");

async function show() {
  const rows = await Goop.data.query("guestbook", { limit: 50 });
  entries.replaceChildren(...rows.map((row) => {
    const item = document.createElement("li");
    const who = document.createElement("strong");
    who.textContent = row.author;
    item.append(who, " ", row.message);
    return item;
  }).reverse());
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = new FormData(form);
  try {
    await Goop.data.insert("guestbook", { author: fields.get("author"), message: fields.get("message") });
    form.reset();
    status.textContent = "Thank you, your entry is in the book.";
    await show();
  } catch (error) {
    status.textContent = "That did not work: " + error.message;
  }
});

show().catch((error) => { status.textContent = error.message; });
