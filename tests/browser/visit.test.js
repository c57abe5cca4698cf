// A person at alice's viewer: the list fills, a click opens bob's site, the guest book is signed, and
// bob's script stays in its box.
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { fits, isMarked, launch, mark, shoot } from "./browser.js";

const { GOOP, ALICE, BOB, BOB_NET } = process.env;
const goop = (...args) => execFileSync(GOOP, args, { encoding: "utf8" }).trim();
let browser, page, url, alice, bob;

before(async () => {
  browser = await launch();
  url = JSON.parse(goop("status", "--json", ALICE)).viewer_url;
  alice = goop("id", ALICE);
  page = await browser.newPage();
});
after(async () => { await browser?.close(); });

const startBob = () => new Promise((resolve, reject) => {
  execFile("ip", ["netns", "exec", BOB_NET, GOOP, "start", "--daemon", BOB],
    (error, _out, text) => (error ? reject(new Error(text)) : resolve()));
});
// A POST as the person at that viewer.
const post = (prefix, origin, path, body) => JSON.parse(execFileSync(prefix[0], [...prefix.slice(1), "-sS", "-X", "POST",
  "-H", "Content-Type: application/json", "-H", `Origin: ${origin}`, "-d", JSON.stringify(body), origin + path],
{ encoding: "utf8" }));
const atBob = (path, body) => post(["ip", "netns", "exec", BOB_NET, "curl"],
  JSON.parse(goop("status", "--json", BOB)).viewer_url, path, body);
const atAlice = (path, body) => post(["curl"], url, path, body);

test("the list fills without a reload", async () => {
  await page.goto(`${url}/`);
  assert.match(page.url(), /\/peers$/);
  await mark(page);
  assert.equal(await page.getByText("bob", { exact: true }).count(), 0);
  await startBob();
  await page.getByText("bob", { exact: true }).first().waitFor({ timeout: 30000 });
  assert.equal(await isMarked(page), true);
  await shoot(page, "peers");
});

test("a click opens the other's site, on an origin of its own", async () => {
  bob = goop("id", BOB);
  atBob("/api/data/tables/create", { name: "guestbook",
    columns: [{ name: "author", type: "TEXT" }, { name: "message", type: "TEXT" }] });
  atBob("/api/data/tables/set-policy", { table: "guestbook", policy: "open" });
  const popup = page.context().waitForEvent("page", { timeout: 3000 }).catch(() => undefined);
  await page.getByText("bob", { exact: true }).first().click();
  page = (await popup) ?? page;
  await page.getByRole("heading", { name: "Bob's workshop" }).waitFor({ timeout: 30000 });
  assert.match(page.url(), new RegExp(`^http://k51[a-z0-9]{59}\\.localhost:\\d+/p/${bob}/`));
  const colour = await page.evaluate(() => getComputedStyle(document.querySelector("h1")).color);
  assert.notEqual(colour, "rgb(0, 0, 0)", "the style sheet did not load");
  assert.ok(await page.evaluate(() => document.querySelector("img").naturalWidth) > 0, "the image did not load");
  await shoot(page, "site");
});

test("signing the guest book writes into the owner's database", async () => {
  await page.getByLabel("Your name").fill("a visitor");
  await page.getByLabel("What you want to say").fill("nice gears");
  await page.getByRole("button", { name: "Sign the guest book" }).click();
  await page.getByText("your entry is in the book").waitFor({ timeout: 30000 });
  const rows = atBob("/api/data/query", { table: "guestbook" });
  assert.equal(rows.length, 1);
  assert.equal(rows[0].message, "nice gears");
  assert.equal(rows[0]._owner, alice);
});

// What script on bob's page gets when it asks for a URL: a status, or the name of the error.
const attempt = (target, options = {}) => page.evaluate(async ([to, how]) => {
  try {
    const answer = await fetch(to, how);
    return answer.type === "opaque" ? "opaque" : answer.status;
  } catch (error) {
    return error.name;
  }
}, [target, options]);

test("script of a visited site cannot reach the viewer's own routes", async () => {
  const port = new URL(url).port;
  const own = new URL(page.url()).origin;
  for (const base of [`http://127.0.0.1:${port}`, `http://localhost:${port}`]) {
    for (const path of ["/api/data/tables", "/api/self", "/self", "/database", "/logs", `/api/p/${alice}/data/tables`]) {
      assert.equal(await attempt(base + path), "TypeError", base + path);
    }
    assert.equal(await attempt(`${base}/api/data/insert`, { method: "POST", mode: "no-cors", body: "{}" }), "TypeError");
  }
  for (const path of ["/api/data/tables", "/self", "/peers", "/database", `/p/${alice}/`, `/api/p/${alice}/data/tables`]) {
    const status = await attempt(own + path);
    assert.ok(status === 403 || status === 404, `${path}: ${status}`);
  }
  assert.equal(await attempt(`${own}/api/self`), 200);
  assert.equal(await attempt(`${own}/api/peers`), 200);
});

test("a form of another page cannot write into the visitor's database", async () => {
  atAlice("/api/data/tables/create", { name: "private", columns: [{ name: "a", type: "TEXT" }] });
  await page.evaluate((to) => {
    const form = document.createElement("form");
    form.method = "post";
    form.enctype = "text/plain";
    form.action = `${to}/api/data/insert`;
    const field = document.createElement("input");
    field.name = '{"table":"private","data":{"a":"x';
    field.value = '"}}';
    form.append(field);
    document.body.append(form);
    form.submit();
  }, url);
  await page.waitForLoadState().catch(() => {});
  const rows = atAlice("/api/data/query", { table: "private" });
  assert.deepEqual(rows, []);
});

test("a crowd stands in the order of names, whoever comes, goes or takes another name", async () => {
  const tab = await browser.newPage();
  const crowd = Array.from({ length: 2000 }, (_, i) => ({ ID: `peer${i}`, Content: `n${(i * 7919) % 2000}`, Email: "" }));
  const events = [["snapshot", { peers: crowd }], ["update", { peer_id: "peer1", peer: { ID: "peer1", Content: "a first" } }],
    ["update", { peer_id: "peer2", peer: { ID: "peer2", Content: "z last" } }], ["remove", { peer_id: "peer3" }],
    ["update", { peer_id: "new", peer: { ID: "new", Content: "n5 new" } }]];
  await tab.route("**/api/peers/events", (route) => route.fulfill({ contentType: "text/event-stream",
    body: "retry: 600000\n\n" + events.map(([type, data]) => `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`).join("") }));
  await tab.goto(`${url}/peers`);
  await tab.getByText("n5 new", { exact: true }).waitFor();
  const [names, sorted] = await tab.evaluate(() => {
    const all = [...document.querySelectorAll("#people b")].map((b) => b.textContent);
    return [all, [...all].sort((a, b) => a.localeCompare(b))];
  });
  assert.equal(names.length, 2000);
  assert.deepEqual(names, sorted);
  assert.equal(names[0], "a first");
  assert.equal(names[1999], "z last");
  await tab.close();
});

test("of a value that a visitor has made very long, the database page shows the beginning", async () => {
  atAlice("/api/data/tables/create", { name: "long", columns: [{ name: "text", type: "TEXT" }, { name: "n", type: "INTEGER" }] });
  for (let i = 0; i < 10; i++) atAlice("/api/data/insert", { table: "long", data: { text: `${i}${"x".repeat(1e5)}`, n: i } });
  const tab = await browser.newPage();
  const sizes = [];
  tab.on("response", async (answer) => { if (answer.url().endsWith("/query")) sizes.push((await answer.body()).length); });
  await tab.goto(`${url}/database#long`);
  await tab.getByText("rows 1 to 10").waitFor();
  const cells = await tab.locator("#table tbody tr:nth-child(4) td").allTextContents();
  assert.deepEqual(cells.slice(0, 3), ["4", `3${"x".repeat(999)}…`, "3"]);
  assert.ok(sizes.length > 0 && sizes.every((size) => size < 20000), `${sizes}`);
  await tab.close();
});

// The theme is a setting; a page that is loaded shows each when it is told to.
test("every page fits, wide and narrow, dark and light", async () => {
  const people = { columns: [{ name: "title", type: "TEXT" }, { name: "text", type: "TEXT" }], name: "notes" };
  atAlice("/api/data/tables/create", people);
  for (const text of ["short", "a note of several words, long enough to be broken into lines ".repeat(4), "x".repeat(90)]) {
    atAlice("/api/data/insert", { table: "notes", data: { title: "A note", text } });
  }
  for (const [size, viewport] of Object.entries({ desk: { width: 1280, height: 800 }, phone: { width: 390, height: 780 } })) {
    const tab = await (await browser.newContext({ viewport })).newPage();
    for (const path of ["/peers", "/self", "/database", "/logs"]) {
      await tab.goto(url + path);
      if (path === "/database") await tab.getByRole("button", { name: /notes/ }).click();
      if (path === "/peers") await tab.getByText("bob", { exact: true }).first().waitFor();
      for (const theme of ["dark", "light"]) {
        await tab.evaluate((name) => { document.documentElement.dataset.theme = name; }, theme);
        assert.equal(await fits(tab), true,
          `${path} scrolls sideways: ${size}`);
        await shoot(tab, `${size}-${theme}${path.replace("/", "-")}`, { fullPage: true });
      }
    }
    await tab.context().close();
  }
});

test("a peer that leaves is taken off the list, and its page says what was tried", async () => {
  const list = await browser.newPage();
  await list.goto(`${url}/peers`);
  await list.getByText("bob", { exact: true }).first().waitFor();
  goop("stop", BOB);
  await list.getByText("bob", { exact: true }).first().waitFor({ state: "detached", timeout: 30000 });
  const answer = await list.goto(`${url}/p/${bob}/`);
  assert.equal(answer.status(), 502);
  assert.match(await list.textContent("body"), /ip[46]/);
  await shoot(list, "unreachable");
});
