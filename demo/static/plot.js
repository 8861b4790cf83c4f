// Plots: scales with round ticks, shapes of SVG, and names beside dots where they hide nothing.

import { written } from "./page.js";

export const DOT = 5.5, LETTERS = 13; // a dot's radius, the height of its name; in px
export const REACHES = [5, 16, 28, 42, 58, 76, 96, 120, 146]; // from a dot's edge to its name, the nearest first
const TURNS = [0, 8, 12, 4, 14, 2, 10, 6, 1, 15, 9, 7, 13, 3, 11, 5].map(k => (k * Math.PI) / 8); // and the ways to go
const CROWDED = 12; // how near dots have to be to share a line; in px
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

/** Give each dot {x, y, width of its name} a `spot` {x, y, line} for the middle of its name where it hides nothing: close by,
 * or else farther off at the end of a line; `shy` if there is none. The names of a heap form a list. `taken` are boxes to
 * keep free. */
export function settle(dots, frame, taken, reaches) {
    const names = [...taken], lines = [], marks = dots.map(({ x, y }) => around(x, y, 2 * DOT, 2 * DOT));
    const candidates = reaches.flatMap(reach => TURNS.map(turn => [reach, turn]));
    for (const heap of heaps(dots).sort((a, b) => a.length - b.length)) {
        const width = Math.max(...heap.map(dot => dot.width)), height = LETTERS * heap.length;
        const [left, right] = [Math.min, Math.max].map(most => most(...heap.map(({ x }) => x)));
        const x = (left + right) / 2, y = (heap[0].y + heap.at(-1).y) / 2, [across, down] = [right - x + DOT, heap.at(-1).y - y + DOT];
        const clear = bit => Math.abs(bit.left + 1 - x) > across || Math.abs(bit.top + 1 - y) > down; // past the heap itself
        const found = candidates.map(([reach, turn]) => {
            const box = around(x + Math.cos(turn) * (across + reach + width / 2), y + Math.sin(turn) * (down + reach + height / 2), width, height);
            return { box, line: reach > reaches[0] ? lineTo(x, y, box).filter(clear) : [] };
        }).find(({ box, line }) =>
            within(box, frame) && ![...names, ...lines, ...marks].some(other => meet(box, other)) &&
            !line.some(bit => [...names, ...lines, ...marks].some(other => meet(bit, other))));
        heap.forEach((dot, k) => {
            dot.shy = !found;
            dot.spot = found ? { x: found.box.left + dot.width / 2, y: found.box.top + LETTERS * (k + 0.5), line: k ? [] : found.line } : beside(dot, frame);
            if (found && found.box.right < x) dot.spot.x = found.box.right - dot.width / 2;
        });
        if (found) names.push(found.box), lines.push(...found.line);
    }
}

/** The line to the nearest point of a box, in bits. */
function lineTo(x, y, box) {
    const to = [Math.min(Math.max(x, box.left), box.right), Math.min(Math.max(y, box.top), box.bottom)];
    const steps = Math.ceil(Math.hypot(to[0] - x, to[1] - y) / 3);
    return Array.from({ length: steps }, (_, k) => around(x + (k / steps) * (to[0] - x), y + (k / steps) * (to[1] - y), 2, 2));
}

/** To the right of a dot, or to its left where the frame ends. */
function beside({ x, y, width }, frame) {
    const shift = DOT + REACHES[0] + width / 2, right = x + shift + width / 2 <= frame.right;
    return { x: right ? x + shift : Math.max(x - shift, frame.left + width / 2), y, line: [] };
}
