// Plots: scales with round ticks, shapes of SVG, and names beside dots where they hide nothing.

import { written } from "./page.js";

export const DOT = 5.5, LETTERS = 13; // a dot's radius, the height of its name; in px
const REACHES = [5, 16, 29, 42, 58, 76, 96, 120, 146]; // from a dot's edge to its name, the nearest first
const TURNS = [0, 8, 12, 4, 14, 2, 10, 6, 1, 15, 9, 7, 13, 3, 11, 5].map(k => (k * Math.PI) / 8); // and the ways to go
const CROWDED = 12, CROWD = 4; // how near dots have to be to make a heap, in px, and of how many its names form a list
const STRIDE = 8; // between two places that are tried for the list; in px
export const MOST_TICKS = 6; // along an axis

// -- numbers and shapes

export const tickText = tick => written(tick, { maximumSignificantDigits: 3 });

/** From values to pixels, with at most so many round ticks. It is logarithmic for values above zero of which the largest is
 * at least `spread` times the least. */
export function scale(values, from, to, spread, mostTicks = MOST_TICKS) {
    const least = Math.min(...values), most = Math.max(...values), log = least > 0 && most >= spread * least;
    const bent = log ? Math.log10 : x => x, rim = 0.06 * (bent(most) - bent(least)) || 0.1;
    const low = bent(least) - rim, high = bent(most) + rim;
    const fits = tick => bent(tick) >= low && bent(tick) <= high && (tick >= 0 || least < 0);
    const rungs = [powers([1], 3), powers([1], 2), powers([1]), powers([1, 3]), powers([1, 2, 5])];
    const finer = rungs.map(ticks => ticks.filter(fits)).filter(ticks => ticks.length <= mostTicks);
    const ticks = log && finer.at(-1)?.length > 1 ? finer.at(-1) : even(log ? least : low, log ? most : high, mostTicks).filter(fits);
    return { ticks, at: value => from + ((to - from) * (bent(value) - low)) / (high - low) };
}

/** The digits at each power of ten, or at every second or third. */
const powers = (digits, every = 1) => Array.from({ length: 24 / every }, (_, k) => digits.map(digit => Number(`${digit}e${k * every - 12}`))).flat();

function even(low, high, mostTicks) {
    const rough = 10 ** Math.floor(Math.log10((high - low) / mostTicks));
    const step = [1, 2, 5, 10].map(digit => digit * rough).find(step => (high - low) / step < mostTicks);
    return Array.from({ length: mostTicks + 1 }, (_, k) => Number(((Math.ceil(low / step) + k) * step).toPrecision(9)));
}

export function shape(name, attributes = {}, ...children) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
}

export const around = (x, y, width, height) => ({ left: x - width / 2, right: x + width / 2, top: y - height / 2, bottom: y + height / 2 });
const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
const within = (a, b) => a.left >= b.left && a.right <= b.right && a.top >= b.top && a.bottom <= b.bottom;

/** Dots that lie so close that no line could tell them apart, together. */
function heaps(dots) {
    const found = [];
    for (const dot of dots) {
        const near = found.filter(heap => heap.some(({ x, y }) => Math.hypot(x - dot.x, y - dot.y) < CROWDED));
        for (const heap of near) found.splice(found.indexOf(heap), 1);
        found.push([...near.flat(), dot].sort((a, b) => a.y - b.y));
    }
    return found;
}

/** Give each dot {x, y, width of its name} a `spot` {x, y, line} for the middle of its name, where it hides nothing: close by,
 * or else farther off at the end of a line. The names of a crowd form a list. `taken` are boxes to keep free. */
export function settle(dots, frame, taken) {
    const lone = heaps(dots).filter(heap => heap.length < CROWD).sort((a, b) => a.length - b.length).flat();
    const names = [...taken], lines = [];
    list(dots.filter(dot => !lone.includes(dot)), frame, names, lines, dots);
    const left = lone.filter(dot => !place(dot, frame, names, lines, dots));
    list(left.filter(dot => !squeeze(dot, frame, names, lines, dots)), frame, names, lines, dots);
}

/** Give one dot the nearest spot where its name meets no other name and no dot, though lines may. */
function squeeze(dot, frame, names, lines, dots) {
    const { x, y, width } = dot, full = [...names, ...marksOf(dots)];
    let best = null;
    for (let left = frame.left; left + width <= frame.right; left += STRIDE / 2)
        for (let top = frame.top; top + LETTERS <= frame.bottom; top += STRIDE / 2) {
            const box = { left, right: left + width, top, bottom: top + LETTERS };
            if (full.some(other => meet(box, other))) continue;
            const far = Math.hypot(left + width / 2 - x, top + LETTERS / 2 - y) + 40 * lines.filter(bit => meet(box, bit)).length;
            if (!best || far < best.far) best = { far, box };
        }
    if (!best) return false;
    const { box } = best, line = lineTo(x, y, box);
    dot.spot = { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2, line };
    names.push(box);
    lines.push(...line);
    return true;
}

const marksOf = dots => dots.map(({ x, y }) => around(x, y, 2 * DOT, 2 * DOT));

/** Give one dot its spot, if there is one. */
function place(dot, frame, names, lines, dots) {
    const { x, y, width } = dot, full = [...names, ...lines, ...marksOf(dots)];
    const hides = box => full.some(other => meet(box, other));
    const past = bit => Math.hypot(bit.left + 1 - x, bit.top + 1 - y) > DOT + 2; // the dot itself
    for (const reach of REACHES)
        for (const turn of TURNS) {
            const box = around(x + Math.cos(turn) * (DOT + reach + width / 2), y + Math.sin(turn) * (DOT + reach + LETTERS / 2), width, LETTERS);
            if (!within(box, frame) || hides(box)) continue;
            const line = reach > REACHES[0] ? lineTo(x, y, box).filter(past) : [];
            if (line.some(hides)) continue;
            dot.spot = { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2, line };
            names.push(box);
            lines.push(...line);
            return true;
        }
    return false;
}

/** Names one below the other, where they hide nothing and their dots are not far, each at the end of a line. */
function list(listed, frame, names, lines, dots) {
    if (!listed.length) return;
    const width = Math.max(...listed.map(dot => dot.width)), height = LETTERS * listed.length;
    const marks = marksOf(dots), free = marks.filter((_, k) => !listed.includes(dots[k]));
    const middle = ["x", "y"].map(axis => listed.reduce((sum, dot) => sum + dot[axis], 0) / listed.length);
    let best = null;
    for (let left = frame.left; left + width <= frame.right; left += STRIDE)
        for (let top = frame.top; top + height <= frame.bottom; top += STRIDE) {
            const box = { left, right: left + width, top, bottom: top + height };
            const covered = [...names, ...marks].filter(other => meet(box, other)).length;
            const beside = left > middle[0] || left + width < middle[0]; // so that the lines don't run through the names
            const cost = 1e6 * covered + (beside ? 0 : 500) + Math.hypot(left + width / 2 - middle[0], top + height / 2 - middle[1]);
            if (!best || cost < best.cost) best = { cost, box };
        }
    const { box } = best ?? { box: { left: frame.left, right: frame.left + width, top: frame.top, bottom: frame.top + height } };
    const right = box.left + width / 2 > middle[0];
    [...listed].sort((a, b) => a.y - b.y || a.x - b.x).forEach((dot, k) => {
        const y = box.top + LETTERS * (k + 0.5), edge = right ? box.left : box.right;
        dot.spot = { x: right ? box.left + dot.width / 2 : box.right - dot.width / 2, y, line: lineTo(dot.x, dot.y, around(edge, y, 2, 2)) };
        lines.push(...dot.spot.line.filter(bit => free.every(mark => !meet(bit, mark))));
    });
    names.push(box);
}

/** The line to the nearest point of a box, in bits. */
function lineTo(x, y, box) {
    const to = [Math.min(Math.max(x, box.left), box.right), Math.min(Math.max(y, box.top), box.bottom)];
    const steps = Math.ceil(Math.hypot(to[0] - x, to[1] - y) / 3);
    return Array.from({ length: steps }, (_, k) => around(x + (k / steps) * (to[0] - x), y + (k / steps) * (to[1] - y), 2, 2));
}
