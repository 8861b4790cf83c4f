// Explore: maps of latent spaces under one cursor, decoded in the page, with matrices to click on.
//
// A place on a map is (u, v) in [0, 1] x [0, 1], u to the right, v upwards: the share of the way across the map. All maps
// share it, since each latent space has a scale of its own. (a, b) are the coordinates of a model's plane, and the latent is
// z = origin + a across + b up.

import { fetchDecoder, paint } from "./decoder.js";
import { always, copy, download, fill, remember, recall } from "./page.js";

const STEP = 0.01, STRIDE = 0.05; // of the arrow keys, and with shift
const MORPH = 2400, WANDER = 20; // a morph there and back, in ms; how long the cursor goes its own way, in s

const written = x => (Object.is(Math.round(100 * x), -0) ? 0 : Math.round(100 * x) / 100);
const clamp = x => Math.min(1, Math.max(0, x));

/** One model: its map, the garment under the cursor, its matrix. */
class Pad {
    constructor(name, explorer) {
        this.name = name;
        this.explorer = explorer;
        this.element = explorer.find(".pad-template").content.firstElementChild.cloneNode(true);
        this.canvas = this.find(".pad");
        this.image = this.find(".matrix-image");
        this.place = [0.5, 0.5];
        this.find("b").textContent = name;
        this.canvas.setAttribute("aria-label", `${explorer.say("Map of")} ${name}`);
        this.listen();
        this.drawMatrix = always(() => this.askMatrix());
        this.askDecode = always(() => this.decodeThere());
    }

    find(selector) {
        return this.element.querySelector(selector);
    }

    listen() {
        const { canvas, explorer } = this;
        const place = event => {
            const box = canvas.getBoundingClientRect();
            return [clamp((event.clientX - box.left) / box.width), clamp(1 - (event.clientY - box.top) / box.height)];
        };
        canvas.addEventListener("pointermove", event => explorer.moveTo(place(event)));
        canvas.addEventListener("pointerdown", event => explorer.moveTo(place(event)));
        canvas.addEventListener("click", event => explorer.pin(place(event)));
        canvas.addEventListener("keydown", event => {
            const step = event.shiftKey ? STRIDE : STEP;
            const [u, v] = this.place;
            const to = {
                ArrowLeft: [u - step, v], ArrowRight: [u + step, v], ArrowUp: [u, v + step], ArrowDown: [u, v - step],
            }[event.key];
            if (to) explorer.moveTo(to.map(clamp));
            else if (event.key === "Enter" || event.key === " ") explorer.pin(this.place);
            else return;
            event.preventDefault();
        });
        this.image.addEventListener("click", event => {
            const box = this.image.getBoundingClientRect(), [x0, x1, y0, y1] = this.area, { side } = explorer.state;
            const cell = (at, from, width) => Math.min(side - 1, Math.floor((side * (at - from)) / width)) / (side - 1);
            const a = x0 + (x1 - x0) * cell(event.clientX, box.left, box.width);
            const b = y1 - (y1 - y0) * cell(event.clientY, box.top, box.height);
            this.jump([a, b]);
        });
        this.find(".save").addEventListener("click", () => this.save());
    }

    /** Take up a plane: {origin, across, up, map, ranges}; the decoder and the dots come once. */
    async settle(plane) {
        this.plane = plane;
        const { file } = this.explorer.props.models[this.name];
        if (this.decoder === undefined) {
            this.decoder = null;
            try {
                if (file) this.decoder = await fetchDecoder(new URL(file, document.baseURI));
            } catch (error) {
                this.decoder = null; // the server decodes instead
            }
        }
        this.map = null;
    }

    get dots() {
        const tensors = this.plane.flat && this.decoder?.tensors;
        return tensors?.positions ? { places: tensors.positions.data, labels: tensors.labels.data } : null;
    }

    get centroids() {
        return this.plane.flat ? this.decoder?.tensors.centroids?.data : null;
    }

    coordinates([u, v]) {
        const [x0, x1, y0, y1] = this.plane.map;
        return [x0 + u * (x1 - x0), y0 + v * (y1 - y0)];
    }

    share([a, b]) {
        const [x0, x1, y0, y1] = this.plane.map;
        return [(a - x0) / (x1 - x0), (b - y0) / (y1 - y0)];
    }

    get z() {
        const [a, b] = this.coordinates(this.place), { origin, across, up } = this.plane;
        return origin.map((o, i) => o + a * across[i] + b * up[i]);
    }

    /** Go to coordinates of this model's plane, and take the other maps along. */
    jump(coordinates) {
        this.explorer.moveTo(this.share(coordinates).map(clamp));
    }

    /** Where the data is: dots in the colours of their classes over a shade of how many there are. Drawn once. */
    drawMap() {
        const scale = window.devicePixelRatio || 1, width = this.canvas.clientWidth;
        if (!width) return;
        this.canvas.width = this.canvas.height = Math.round(width * scale);
        const map = (this.map = new OffscreenCanvas(this.canvas.width, this.canvas.height)), context = map.getContext("2d");
        context.scale(scale, scale);
        const style = getComputedStyle(this.canvas), ink = style.getPropertyValue("--body-text-color").trim() || "#000";
        context.strokeStyle = ink;
        context.globalAlpha = 0.12;
        for (const share of [0.25, 0.5, 0.75]) {
            context.strokeRect(share * width, -1, 0, width + 2);
            context.strokeRect(-1, share * width, width + 2, 0);
        }
        if (!this.dots) return;
        const { places, labels } = this.dots, { only, props } = this.explorer, { colours } = props;
        const spots = Array.from(labels, (_, i) => {
            const [u, v] = this.share([places[2 * i], places[2 * i + 1]]);
            return [u * width, (1 - v) * width];
        });
        const glow = context.createRadialGradient(0, 0, 0, 0, 0, width / 14);
        glow.addColorStop(0, ink);
        glow.addColorStop(1, "transparent");
        context.fillStyle = glow;
        context.globalAlpha = 0.012;
        for (const [x, y] of spots) {
            context.setTransform(scale, 0, 0, scale, scale * x, scale * y);
            context.fillRect(-width / 14, -width / 14, width / 7, width / 7);
        }
        context.setTransform(scale, 0, 0, scale, 0, 0);
        spots.forEach(([x, y], i) => {
            context.globalAlpha = only === null || only === labels[i] ? 0.8 : 0.05;
            context.fillStyle = colours[labels[i]];
            context.beginPath();
            context.arc(x, y, Math.max(1.4, width / 220), 0, 7);
            context.fill();
        });
    }

    draw() {
        if (!this.plane || this.decoder === undefined) return;
        if (!this.map) this.drawMap();
        if (!this.map) return;
        const context = this.canvas.getContext("2d"), size = this.canvas.width, line = size / this.canvas.clientWidth;
        context.clearRect(0, 0, size, size);
        context.drawImage(this.map, 0, 0);
        const ink = getComputedStyle(this.canvas).color;
        const spot = ([u, v]) => [u * size, (1 - v) * size];
        context.strokeStyle = context.fillStyle = ink;
        context.lineWidth = 1.5 * line;
        if (this.area) {
            const [x0, y0] = spot(this.share([this.area[0], this.area[3]])), [x1, y1] = spot(this.share([this.area[1], this.area[2]]));
            context.setLineDash([5 * line, 4 * line]);
            context.strokeRect(x0, y0, x1 - x0, y1 - y0);
            context.setLineDash([]);
        }
        const pins = this.explorer.state.pins.map(spot);
        if (pins.length === 2) {
            context.beginPath();
            context.moveTo(...pins[0]);
            context.lineTo(...pins[1]);
            context.stroke();
        }
        pins.forEach(([x, y], i) => {
            context.beginPath();
            context.arc(x, y, 8 * line, 0, 7);
            context.fill();
            context.save();
            context.fillStyle = getComputedStyle(this.canvas).backgroundColor;
            context.font = `bold ${11 * line}px sans-serif`;
            context.textAlign = "center";
            context.textBaseline = "middle";
            context.fillText("AB"[i], x, y + line / 2);
            context.restore();
        });
        const [x, y] = spot(this.place);
        context.lineWidth = 2 * line;
        context.beginPath();
        context.arc(x, y, 9 * line, 0, 7);
        context.moveTo(x - 15 * line, y);
        context.lineTo(x - 4 * line, y);
        context.moveTo(x + 4 * line, y);
        context.lineTo(x + 15 * line, y);
        context.moveTo(x, y - 15 * line);
        context.lineTo(x, y - 4 * line);
        context.moveTo(x, y + 4 * line);
        context.lineTo(x, y + 15 * line);
        context.stroke();
        this.drawRing();

        const [a, b] = this.coordinates(this.place);
        this.find("output").textContent = `${written(a)}, ${written(b)}`.replaceAll("-", "−");
        if (this.decoder) paint(this.find(".garment"), this.decoder.decode(this.z));
        else this.askDecode();
    }

    /** The ring on the matrix, where the cursor is. */
    drawRing() {
        const ring = this.find(".ring");
        if (!this.area || !this.image.width) return;
        const [a, b] = this.coordinates(this.place), [x0, x1, y0, y1] = this.area, { side } = this.explorer.state;
        const across = ((a - x0) / (x1 - x0)) * (side - 1), down = ((y1 - b) / (y1 - y0)) * (side - 1);
        ring.hidden = across < -0.5 || across > side - 0.5 || down < -0.5 || down > side - 0.5;
        const cell = this.image.width / side;
        ring.style.cssText = `left: ${across * cell}px; top: ${down * cell}px; width: ${cell}px; height: ${cell}px`;
    }

    async decodeThere() {
        const { greys } = await this.explorer.ask("decode", { model: this.name, z: this.z });
        paint(this.find(".garment"), greys, 1);
    }

    async askMatrix() {
        const { state } = this.explorer, { plane, seed, side } = state;
        const area = state.range === "own" ? state.own : (this.plane.ranges[state.range] ?? Object.values(this.plane.ranges)[0]);
        const wish = { model: this.name, plane, seed, side, area };
        if (this.area && JSON.stringify(wish) === this.wish) return; // a slider says the same twice
        const { image } = await this.explorer.ask("matrix", wish);
        this.wish = JSON.stringify(wish);
        this.area = area;
        this.image.style.setProperty("--pixels", 28 * side + "px");
        this.image.alt = `${this.explorer.say("Latent matrix of")} ${this.name}, ${side} × ${side}`;
        this.image.src = image;
        await this.image.decode();
        this.explorer.redraw();
    }

    /** The matrix at the size of a printed page, each pixel a square of 4 x 4 or more. */
    async save() {
        const { naturalWidth: side } = this.image, scale = Math.max(4, Math.ceil(2400 / side));
        const canvas = new OffscreenCanvas(scale * side, scale * side), context = canvas.getContext("2d");
        context.imageSmoothingEnabled = false;
        context.drawImage(this.image, 0, 0, canvas.width, canvas.height);
        await download(canvas, `${this.name}.png`);
    }
}

class Explorer {
    constructor(element, props, server, say) {
        Object.assign(this, { element, props, server, say });
        this.pads = new Map();
        this.only = null; // the class that alone is shown
        this.planes = new Map();
        this.state = { models: props.start, plane: "latents", seed: 0, range: props.range, side: 15, own: [-2, 2, -2, 2], at: [0.5, 0.5], pins: [] };
        Object.assign(this.state, this.recalled());
        this.buildControls();
        addEventListener("resize", () => this.remap());
        new ResizeObserver(() => this.remap()).observe(this.find(".pads")); // also when the tab is opened again
        new MutationObserver(() => this.remap()).observe(document.body, { attributeFilter: ["class"] });
        this.rebuild().then(() => this.wander());
    }

    find(selector) {
        return this.element.querySelector(selector);
    }

    /** Until the visitor does anything, the cursor goes its way, to show what there is to do. */
    wander() {
        if (recall("explore").at || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
        const begun = performance.now(), over = new AbortController();
        for (const event of ["pointerdown", "pointermove", "keydown", "focusin", "wheel"])
            addEventListener(event, () => over.abort(), { signal: over.signal });
        const step = now => {
            const t = (now - begun) / 1000;
            if (over.signal.aborted || t > WANDER) return over.abort();
            if (this.element.offsetParent) this.moveTo([0.5 + 0.3 * Math.sin(0.7 * t), 0.5 - 0.3 * Math.sin(1.1 * t)]);
            requestAnimationFrame(step);
        };
        requestAnimationFrame(step);
    }

    /** The state that the address tells, as far as it makes sense. */
    recalled() {
        const found = recall("explore"), { props } = this, state = {};
        const numbers = (text, count) => {
            const parts = (text ?? "").split(",").map(Number);
            return text && parts.length === count && parts.every(x => Number.isFinite(x) && Math.abs(x) <= 1000) ? parts : null;
        };
        if (Object.hasOwn(props.planes, found.plane ?? "")) state.plane = found.plane;
        const models = (found.models ?? "").split(",").filter(name => props.planes[state.plane ?? "latents"].models.includes(name));
        if (models.length) state.models = models;
        else if (state.plane) state.models = props.planes[state.plane].start;
        if (["own", ...props.ranges].includes(found.range)) state.range = found.range;
        const side = Number(found.side), seed = Number(found.seed), own = numbers(found.own, 4), at = numbers(found.at, 2);
        if (Number.isInteger(side) && side >= 2 && side <= 30) state.side = side;
        if (found.seed && Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32) state.seed = seed;
        if (own && own[0] < own[1] && own[2] < own[3]) state.own = own;
        if (at) state.at = at.map(clamp);
        const pins = numbers(found.pins, 4) ?? numbers(found.pins, 2);
        if (pins) state.pins = Array.from({ length: pins.length / 2 }, (_, i) => pins.slice(2 * i, 2 * i + 2).map(clamp));
        return state;
    }

    remembered() {
        const { models, plane, range, side, seed, own, at, pins } = this.state;
        const short = numbers => numbers.map(x => Math.round(x * 1e4) / 1e4).join(",");
        return {
            models: models.join(","), plane, range, side, seed: plane === "images" ? seed : null, at: short(at),
            own: range === "own" ? short(own) : null, pins: pins.length ? short(pins.flat()) : null,
        };
    }

    buildControls() {
        const { props, state, say } = this;
        for (const [k, name] of props.classes.entries()) {
            const chip = document.createElement("button");
            chip.type = "button";
            chip.textContent = say(name);
            chip.style.setProperty("--colour", props.colours[k]);
            chip.addEventListener("click", () => this.toClass(k));
            for (const [event, only] of [["pointerenter", k], ["pointerleave", null], ["focus", k], ["blur", null]])
                chip.addEventListener(event, () => { this.only = only; this.remap(); });
            this.find(".chips").append(chip);
        }
        for (const button of this.element.querySelectorAll("[data-do]"))
            button.addEventListener("click", () => this[button.dataset.do]());
        const form = this.find(".settings");
        for (const [kind, { title }] of Object.entries(props.planes)) form.plane.add(new Option(say(title), kind));
        form.addEventListener("submit", event => event.preventDefault());
        form.addEventListener("input", event => this.changed(event.target));
        form.addEventListener("change", event => this.changed(event.target));
    }

    /** Show the settings as they are in the state. */
    fillForm() {
        const { state, props, say } = this, form = this.find(".settings"), kind = props.planes[state.plane];
        form.plane.value = state.plane;
        fill(this.find(".models"), kind.models, { type: "checkbox", name: "model", chosen: state.models, say });
        fill(this.find(".ranges"), [...kind.ranges, "own"], {
            type: "radio", name: "range", chosen: [state.range], say: name => say(name === "own" ? "Your own" : name),
        });
        this.find(".own").hidden = state.range !== "own";
        ["x_min", "x_max", "y_min", "y_max"].forEach((name, i) => (form[name].value = state.own[i]));
        form.side.value = form.shown.value = state.side;
        this.find("[data-do=other]").hidden = state.plane !== "images";
        this.find(".chips").hidden = state.plane !== "latents";
    }

    changed(input) {
        const form = this.find(".settings"), { state } = this;
        if (input.name === "plane") {
            const kind = this.props.planes[input.value];
            Object.assign(state, { plane: input.value, models: kind.start, at: [0.5, 0.5], pins: [], range: kind.ranges[kind.ranges.length > 2 ? 1 : 0] });
            return this.rebuild();
        }
        if (input.name === "model") {
            const chosen = [...form.querySelectorAll("[name=model]:checked")].map(box => box.value);
            if (!chosen.length) return (input.checked = true);
            if (chosen.join() === state.models.join()) return;
            state.models = chosen;
            return this.rebuild();
        }
        if (input.name === "side") form.shown.value = state.side = Number(input.value);
        if (input.name === "range") {
            state.range = input.value;
            this.find(".own").hidden = state.range !== "own";
        }
        if (state.range === "own") {
            const own = ["x_min", "x_max", "y_min", "y_max"].map(name => (form[name].value === "" ? NaN : Number(form[name].value)));
            if (!own.every(Number.isFinite)) return;
            if (!(own[0] < own[1] && own[2] < own[3])) return this.complain(this.say("Each range needs a minimum below its maximum."));
            state.own = own;
        }
        this.redrawMatrices();
    }

    /** Pads for the chosen models, on the chosen plane. */
    async rebuild() {
        this.fillForm();
        const { state } = this, list = this.find(".pads");
        const pads = await Promise.all(state.models.map(async name => {
            const pad = this.pads.get(name) ?? new Pad(name, this);
            this.pads.set(name, pad);
            await pad.settle(await this.plane(name));
            pad.area = null;
            return pad;
        }));
        if (pads.map(pad => pad.name).join() !== state.models.join()) return; // changed in the meantime
        list.replaceChildren(...pads.map(pad => pad.element));
        this.moveTo(state.at);
        this.redrawMatrices();
    }

    async plane(model) {
        const { plane, seed } = this.state;
        if (plane === "latents") return this.props.models[model].plane;
        return this.ask("plane", { model, plane, seed });
    }

    get shown() {
        return this.state.models.map(name => this.pads.get(name)).filter(pad => pad?.plane);
    }

    moveTo(place) {
        this.state.at = place;
        for (const pad of this.shown) pad.place = place;
        this.redraw();
    }

    redraw() {
        this.frame ??= requestAnimationFrame(() => {
            this.frame = null;
            for (const pad of this.shown) pad.draw();
            this.settled();
        });
    }

    remap() {
        for (const pad of this.shown) pad.map = null;
        this.redraw();
    }

    redrawMatrices() {
        this.complain("");
        for (const pad of this.shown) pad.drawMatrix();
        this.redraw();
    }

    /** What need not happen in every frame: the address, the lines of Python, the buttons. */
    settled() {
        clearTimeout(this.later);
        this.later = setTimeout(() => {
            if (this.element.offsetParent) remember("explore", this.remembered()); // the address is the open tab's
            const places = this.shown.map(pad => `gengallery.load("${pad.name}").decode([${pad.z.map(x => +x.toFixed(4)).join(", ")}])`);
            this.find(".share code").textContent = ["import gengallery", "", ...places].join("\n");
            const { pins } = this.state;
            this.find("[data-do=morph]").disabled = pins.length < 2;
            this.find("[data-do=clear]").disabled = !pins.length;
        }, 150);
    }

    pin(place) {
        this.state.pins = [...this.state.pins, place].slice(-2);
        this.moveTo(place);
    }

    clear() {
        this.state.pins = [];
        this.redraw();
    }

    /** From pin to pin and back, along the line between them. */
    morph() {
        const [from, to] = this.state.pins, start = performance.now();
        const step = now => {
            const share = Math.min(1, (now - start) / MORPH), t = (1 - Math.cos(2 * Math.PI * share)) / 2;
            this.moveTo(from.map((x, i) => x + t * (to[i] - x)));
            if (share < 1) requestAnimationFrame(step);
        };
        requestAnimationFrame(step);
    }

    /** Each map to its own centroid of the class. */
    toClass(k) {
        for (const pad of this.shown) {
            const centroids = pad.centroids;
            if (centroids) pad.place = pad.share([centroids[2 * k], centroids[2 * k + 1]]).map(clamp);
        }
        this.redraw();
    }

    /** Somewhere where there is data. */
    surprise() {
        const pad = this.shown[0], dots = pad?.dots;
        if (!dots) return this.moveTo([Math.random(), Math.random()]);
        const i = Math.floor(Math.random() * dots.labels.length);
        pad.jump([dots.places[2 * i], dots.places[2 * i + 1]]);
    }

    other() {
        this.state.seed = Math.floor(Math.random() * 1e6);
        this.rebuild();
    }

    link() {
        remember("explore", this.remembered());
        copy(location.href, this.find("[data-do=link]"), this.say);
    }

    /** Call the server; what it refuses stands on the page. */
    async ask(name, request) {
        const answer = await this.server[name](request);
        if (answer.error) {
            this.complain(answer.error);
            throw new Error(answer.error);
        }
        return answer;
    }

    complain(text) {
        const notice = this.find(".notice");
        notice.textContent = text;
        notice.hidden = !text;
    }
}

export const start = (element, props, server, say) => new Explorer(element, props, server, say);
