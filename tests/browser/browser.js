// What the tests of pages share: Chromium, a folder for pictures, and what is asked of any page.
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";

const { SHOTS } = process.env;

export function launch() {
  mkdirSync(SHOTS, { recursive: true });
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}
export const shoot = (page, name, options = {}) => page.screenshot({ path: `${SHOTS}/${name}.png`, ...options });

// Nothing has to be scrolled sideways.
export const fits = (page) => page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);

// A document that is marked, and whether it is still that one: nothing was loaded anew.
export const mark = (page) => page.evaluate(() => { window.sameDocument = true; });
export const isMarked = (page) => page.evaluate(() => window.sameDocument === true);
