// The table of results: rows are printed as they come, with medians and spread.
import { execFileSync } from "node:child_process";

const ROUNDS = Number(process.env.ROUNDS ?? 7);

export const run = (...args) => execFileSync(args[0], args.slice(1), { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
export const sorted = (list) => [...list].sort((a, b) => a - b);
export const quantile = (list, q) => sorted(list)[Math.min(list.length - 1, Math.floor(q * list.length))];
export const median = (list) => quantile(list, 0.5);
export const round = (x) => (x >= 100 ? Math.round(x) : Number(x.toPrecision(3)));
export const rows = [];
// Sentences below the table.
export const notes = [];

export function row(cells) {
  rows.push(cells);
  console.log(cells.join(" | "));
}

export function note(text) {
  notes.push(text);
  console.log(text);
}

export function report(what, unit, goal, mine, other, ratios) {
  const show = (list) => `${round(median(list))} (${round(Math.min(...list))} to ${round(Math.max(...list))})`;
  row([what, `${show(mine)} ${unit}`, `${show(other)} ${unit}`, show(ratios), goal]);
}

// Ours and theirs alternate, the one that goes first as well; each round gives one ratio.
export function paired(what, unit, goal, ours, theirs, better = (a, b) => b / a) {
  const mine = [], other = [], ratios = [];
  for (let i = 0; i < ROUNDS; i++) {
    const [a, b] = i % 2 ? [ours(), theirs()] : (([y, x]) => [x, y])([theirs(), ours()]);
    mine.push(a);
    other.push(b);
    ratios.push(better(a, b));
  }
  report(what, unit, goal, mine, other, ratios);
}
