// The rendezvous server's pages in Chromium: the public one fills and empties by itself, addresses can be copied
// and scanned; the administrator's table and log are live; both read well without script and on a phone.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import jsQR from "jsqr";
import { fits, isMarked, launch, mark, shoot } from "./browser.js";

const { SERVER } = process.env;
const PASSWORD = { username: "admin", password: "secret" };
let browser;

// Ids of no peer in particular: a real one with other last letters decodes as well.
const ids = ["12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp", "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"];
// Who is online goes on saying so, however slow the browser is.
const online = new Map();
const beat = setInterval(() => { for (const said of online.values()) fetch(`${SERVER}/publish`, said()).catch(() => {}); }, 8000);
async function publish(i, type, content, extra = {}) {
  const say = (kind) => ({ method: "POST", body: JSON.stringify({ type: kind, peerId: ids[i], content,
    addrs: ["/ip4/192.0.2.7/tcp/4001", "/ip6/2001:db8::7/tcp/4001"], ts: Date.now(), ...extra }) });
  online.delete(i);
  if (type !== "offline") online.set(i, () => say("update"));
  const answer = await fetch(`${SERVER}/publish`, say(type));
  assert.equal(answer.status, 204, await answer.text());
}
// What a camera would read of a picture in the page. (The page itself may draw no picture of that kind.)
async function scan(svg) {
  const text = await svg.evaluate((element) => element.outerHTML);
  const desk = await browser.newPage();
  const { pixels, side } = await desk.evaluate(async (html) => {
    const side = 400, image = new Image(), brush = new OffscreenCanvas(side, side).getContext("2d");
    document.body.innerHTML = html;
    const code = document.querySelector("svg");
    for (const name of ["width", "height"]) code.setAttribute(name, side);
    image.src = "data:image/svg+xml," + encodeURIComponent(new XMLSerializer().serializeToString(code));
    await image.decode();
    brush.fillStyle = "white";
    brush.fillRect(0, 0, side, side);
    brush.drawImage(image, 0, 0, side, side);
    return { pixels: [...brush.getImageData(0, 0, side, side).data], side };
  }, text);
  await desk.close();
  return jsQR(Uint8ClampedArray.from(pixels), side, side)?.data;
}

before(async () => {
  browser = await launch();
});
after(async () => {
  clearInterval(beat);
  await browser?.close();
});

test("the public page is live without a reload", async () => {
  const page = await browser.newPage();
  const errors = [];
  page.on("console", (message) => { if (message.type() === "error") errors.push(message.text()); });
  await page.goto(SERVER);
  await page.getByText("Live.").waitFor();
  await page.getByText("Nobody is online right now.").waitFor();
  await mark(page);
  await publish(0, "online", "<b>Ada</b> & friends");
  await page.getByText("<b>Ada</b> & friends", { exact: true }).waitFor();
  assert.equal(await page.locator("#count").textContent(), "(1)");
  await publish(1, "online", "Grace");
  await page.getByText("Grace", { exact: true }).waitFor();
  await publish(1, "update", "Grace, renamed");
  await page.getByText("Grace, renamed", { exact: true }).waitFor();
  assert.equal(await page.locator("#peers li").count(), 2);
  await shoot(page, "rendezvous", { fullPage: true });
  await publish(1, "offline", "");
  await page.getByText("Grace, renamed", { exact: true }).waitFor({ state: "detached" });
  assert.equal(await isMarked(page), true);
  assert.deepEqual(errors, []);
  await page.close();
});

test("each address to connect to can be copied, and scanned", async () => {
  // Browsers have a clipboard for https and for localhost.
  const secure = SERVER.replace(/\/\/.*:/, "//localhost:");
  const context = await browser.newContext();
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: secure });
  const page = await context.newPage();
  await page.goto(secure);
  const urls = await page.locator(".urls li").count();
  assert.ok(urls >= 2, "IPv4 and IPv6");
  const texts = await page.locator(".urls code").allTextContents();
  assert.ok(texts.some((t) => /^http:\/\/10\.77\.0\.1:8787$/.test(t)) && texts.some((t) => t === "http://[fd77::1]:8787"), String(texts));
  for (let i = 0; i < urls; i++) {
    const item = page.locator(".urls li").nth(i);
    await item.getByRole("button", { name: "Copy" }).click();
    await item.getByRole("button", { name: "Copied" }).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), texts[i]);
    const box = await item.locator("svg.qr").boundingBox();
    assert.ok(box.width >= 100 && Math.abs(box.width - box.height) < 1, JSON.stringify(box));
    assert.equal(await scan(item.locator("svg.qr")), texts[i]);
  }
  // For plain http there is none: the older way has to do.
  const old = await browser.newPage();
  await old.goto(SERVER);
  assert.equal(await old.evaluate(() => navigator.clipboard === undefined), true);
  await old.evaluate(() => document.addEventListener("copy", () => { window.copied = document.activeElement.value; }));
  await old.getByRole("button", { name: "Copy" }).first().click();
  await old.getByRole("button", { name: "Copied" }).first().waitFor();
  assert.equal(await old.evaluate(() => window.copied), texts[0]);
  await context.close();
  await old.close();
});

test("without script the pages still say who is there", async () => {
  const context = await browser.newContext({ javaScriptEnabled: false, httpCredentials: PASSWORD });
  const page = await context.newPage();
  await page.goto(SERVER);
  assert.match(await page.textContent("#peers"), /<b>Ada<\/b> & friends/);
  assert.match(await page.textContent("main"), /Reload to see who came/);
  assert.equal(await page.getByRole("button", { name: "Copy" }).count(), 0, "a button that can do nothing");
  assert.ok(await page.locator("svg.qr").first().isVisible());
  await shoot(page, "rendezvous-noscript", { fullPage: true });
  await page.goto(`${SERVER}/admin`);
  assert.match(await page.textContent("#rows"), /\/ip4\/192\.0\.2\.7\/tcp\/4001/);
  assert.match(await page.textContent("#log"), /came 12D3KooW/);
  await context.close();
});

test("the administrator's page wants a password, and is live", async () => {
  const refusal = await fetch(`${SERVER}/admin`);
  assert.deepEqual([refusal.status, refusal.headers.get("WWW-Authenticate").split(" ")[0]], [401, "Basic"]);
  const context = await browser.newContext({ httpCredentials: PASSWORD, viewport: { width: 1400, height: 800 } });
  const page = await context.newPage();
  await page.goto(`${SERVER}/admin`);
  await page.getByText("Live.").waitFor();
  await mark(page);
  await publish(1, "online", "Grace", { email: "grace@example.org", avatarHash: "cafe" });
  const row = page.locator("#rows tr", { hasText: ids[1] });
  await row.waitFor();
  const cells = await row.locator("td").allTextContents();
  assert.equal(cells.length, 10);
  assert.equal(cells[3], "grace@example.org");
  assert.ok(Number(cells[8]) > 100, `bytes_sent ${cells[8]}`);
  await page.locator("#log", { hasText: `came ${ids[1]} (Grace)` }).waitFor();
  const stream = await fetch(`${SERVER}/events`);
  await publish(0, "update", "Ada");
  const before = Number(cells[9]);
  await page.waitForFunction(([id, n]) => [...document.querySelectorAll("#rows tr")].some((line) =>
    line.cells[0].textContent === id && Number(line.cells[9].textContent) > n), [ids[1], before]);
  await stream.body.cancel();
  assert.equal(await isMarked(page), true);
  assert.equal(await page.evaluate(() => document.querySelector(".table").scrollWidth <= document.querySelector(".table").clientWidth),
    true, "the table does not fit");
  await shoot(page, "rendezvous-admin", { fullPage: true });
  await context.close();
});

test("on a phone, in the dark, nothing has to be scrolled sideways", async () => {
  await publish(0, "update", "a name without any place to break it ".repeat(3) + "x".repeat(150));
  for (const colorScheme of ["dark", "light"]) {
    const context = await browser.newContext({ viewport: { width: 360, height: 740 }, colorScheme, httpCredentials: PASSWORD });
    const page = await context.newPage();
    for (const path of ["/", "/admin"]) {
      await page.goto(SERVER + path);
      await page.getByText("Live.").waitFor();
      assert.equal(await fits(page), true, `${path} scrolls sideways`);
      const colour = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number));
      assert.equal(colour[0] < 128, colorScheme === "dark", String(colour));
      await shoot(page, `rendezvous-phone-${colorScheme}${path.replace("/", "-")}`, { fullPage: true });
    }
    await context.close();
  }
});

test("a connection that breaks is said, and mended without a reload", async () => {
  const page = await browser.newPage();
  await page.goto(SERVER);
  await page.getByText("Live.").waitFor();
  await mark(page);
  const { execFileSync } = await import("node:child_process");
  execFileSync(process.env.GOOP, ["restart", process.env.SERVER_DIR, "svc-rendezvous"]);
  await page.getByText("Connection lost, trying again.").waitFor();
  await page.getByText("Live.").waitFor();
  await publish(1, "online", "after the restart");
  await page.getByText("after the restart", { exact: true }).waitFor();
  assert.equal(await isMarked(page), true);
});
