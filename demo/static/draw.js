// A square to draw in, light on black, at the very resolution that the models see. Its value is the levels of all pixels, of
// each channel one after the other, as bytes in base64 with - and _, or "" while nothing is drawn.

import { paint } from "./decoder.js";

const REACH = 1.3; // of the brush, in pixels

function bytesOf(text) {
    const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(bytes, letter => letter.charCodeAt(0));
}

const textOf = levels => btoa(String.fromCharCode(...levels)).replaceAll("+", "-").replaceAll("/", "_");

export function start(element, props, _server, _say, trigger, watch, image) {
    const canvas = element.querySelector("canvas"), { channels, height, width } = image, plane = height * width;
    const levels = new Uint8Array(channels * plane); // channel by channel
    let last = null; // where the pen was

    function show() {
        const pixels = Uint8Array.from(levels, (_, k) => levels[(k % channels) * plane + Math.floor(k / channels)]);
        paint(canvas, pixels, image, 1);
    }

    function take() {
        if (props.value) levels.set(bytesOf(props.value).subarray(0, levels.length));
        else levels.fill(0);
        show();
    }

    function give() {
        props.value = levels.some(level => level > 0) ? textOf(levels) : "";
        trigger("change");
    }

    function dab(x, y) {
        for (let row = Math.max(0, Math.floor(y - 2)); row <= Math.min(height - 1, y + 2); row++)
            for (let column = Math.max(0, Math.floor(x - 2)); column <= Math.min(width - 1, x + 2); column++) {
                const far = Math.hypot(column + 0.5 - x, row + 0.5 - y), level = Math.round(230 * Math.min(1, Math.max(0, REACH + 0.5 - far)));
                for (let k = width * row + column; k < levels.length; k += plane) levels[k] = Math.max(levels[k], level);
            }
    }

    function draw(event) {
        const box = canvas.getBoundingClientRect();
        const to = [(width * (event.clientX - box.left)) / box.width, (height * (event.clientY - box.top)) / box.height];
        const from = last ?? to, steps = Math.max(1, Math.ceil(2 * Math.hypot(to[0] - from[0], to[1] - from[1])));
        for (let i = 1; i <= steps; i++) dab(...[0, 1].map(k => from[k] + ((to[k] - from[k]) * i) / steps));
        last = to;
        show();
    }

    canvas.addEventListener("pointerdown", event => {
        canvas.setPointerCapture(event.pointerId);
        last = null;
        draw(event);
    });
    canvas.addEventListener("pointermove", event => {
        if (event.buttons) draw(event);
    });
    canvas.addEventListener("pointerup", give);
    element.querySelector("[data-do=clear]").addEventListener("click", () => {
        levels.fill(0);
        show();
        give();
    });
    watch("value", take);
    take();
}
