// A square of 28 x 28 pixels to draw in, light on black, at the very resolution that the models see. Its value is the 784
// grey levels as bytes in base64 with - and _, or "" while nothing is drawn.

const REACH = 1.3; // of the brush, in pixels

function bytesOf(text) {
    const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(bytes, letter => letter.charCodeAt(0));
}

const textOf = levels => btoa(String.fromCharCode(...levels)).replaceAll("+", "-").replaceAll("/", "_");

export function start(element, props, server, say, trigger, watch) {
    const canvas = element.querySelector("canvas"), context = canvas.getContext("2d");
    const levels = new Uint8Array(784);
    let last = null; // where the pen was

    function show() {
        const image = context.createImageData(28, 28);
        levels.forEach((level, k) => image.data.set([level, level, level, 255], 4 * k));
        context.putImageData(image, 0, 0);
    }

    function take() {
        if (props.value) levels.set(bytesOf(props.value).subarray(0, 784));
        else levels.fill(0);
        show();
    }

    function give() {
        props.value = levels.some(level => level > 0) ? textOf(levels) : "";
        trigger("change");
    }

    function dab(x, y) {
        for (let row = Math.max(0, Math.floor(y - 2)); row <= Math.min(27, y + 2); row++)
            for (let column = Math.max(0, Math.floor(x - 2)); column <= Math.min(27, x + 2); column++) {
                const far = Math.hypot(column + 0.5 - x, row + 0.5 - y), level = Math.round(230 * Math.min(1, Math.max(0, REACH + 0.5 - far)));
                levels[28 * row + column] = Math.max(levels[28 * row + column], level);
            }
    }

    function draw(event) {
        const box = canvas.getBoundingClientRect();
        const to = [(28 * (event.clientX - box.left)) / box.width, (28 * (event.clientY - box.top)) / box.height];
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
