// Explore: maps of latent spaces under one cursor, decoded in the page, with matrices to click on. What a place is stands in
// pad.js.

import { copy, fill, pick, recall, remember, viewLink, whenReturned } from "../../static/page.js";
import { clamp, Pad } from "./pad.js";

const MORPH = 2400, WANDER = 20; // a morph there and back, in ms; how long the cursor goes its own way, in s

class Explorer {
    /** @type {HTMLElement} */ element;
    /** What the server gave this part. @type {any} */ props;
    /** Its functions, by name. @type {any} */ server;
    /** @type {(key: string, values?: object) => string} */ say;

    constructor(element, props, server, say) {
        Object.assign(this, { element, props, server, say });
        this.pads = new Map();
        this.only = null; // the class that alone is shown
        this.planes = new Map();
        this.state = this.recalled();
        this.buildControls();
        whenReturned("explore", () => {
            this.rest();
            this.state = this.recalled();
            this.rebuild();
        });
        addEventListener("resize", () => this.remap());
        new ResizeObserver(() => this.remap()).observe(this.find(".pads")); // also when the tab is opened again
        new MutationObserver(() => this.remap()).observe(document.body, { attributeFilter: ["class"] });
        this.rebuild().then(() => this.wander());
    }

    /** @returns {any} */
    find(selector) {
        return this.element.querySelector(selector);
    }

    /** Until the visitor does anything, the cursor goes its way, to show what there is to do. */
    wander() {
        if (recall("explore").at || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
        const over = this.move(WANDER * 1000, share => {
            const t = share * WANDER;
            if (this.element.offsetParent) this.moveTo([0.5 + 0.3 * Math.sin(0.7 * t), 0.5 - 0.3 * Math.sin(1.1 * t)]);
        });
        for (const event of ["pointerdown", "pointermove", "keydown", "focusin", "wheel"])
            addEventListener(event, () => over.abort(), { signal: over.signal });
    }

    /** Call `show` with the share of so many milliseconds that are over, frame by frame, until they are, or somebody ends it,
     * or another movement begins. */
    move(milliseconds, show) {
        this.rest();
        const begun = performance.now(), over = (this.moving = new AbortController());
        const step = now => {
            if (over.signal.aborted) return;
            const share = Math.min(1, Math.max(0, now - begun) / milliseconds);
            show(share);
            if (share < 1) requestAnimationFrame(step);
            else over.abort();
        };
        requestAnimationFrame(step);
        return over;
    }

    /** End any movement. */
    rest() {
        this.moving?.abort();
    }

    /** The visitor points at a place, which ends any movement; the mere way there does not. */
    point(place) {
        this.rest();
        this.moveTo(place);
    }

    hover(place) {
        if (!this.moving || this.moving.signal.aborted) this.moveTo(place);
    }

    /** The state that the address tells, as far as it makes sense. */
    recalled() {
        const found = recall("explore"), { props } = this;
        const state = {
            models: props.start, plane: "latents", seed: 0, range: props.range, side: 15, own: [-2, 2, -2, 2], at: [0.5, 0.5],
            pins: [], kind: null,
        };
        const numbers = (text, count) => {
            const parts = (text ?? "").split(",").map(Number);
            return text && parts.length === count && parts.every(x => Number.isFinite(x) && Math.abs(x) <= 1000) ? parts : null;
        };
        if (Object.hasOwn(props.planes, found.plane ?? "")) state.plane = found.plane;
        const models = (found.models ?? "").split(",").filter(name => props.planes[state.plane].models.includes(name));
        state.models = models.length ? models : props.planes[state.plane].start;
        if (Object.hasOwn(props.ranges, found.range ?? "")) state.range = found.range;
        const side = Number(found.side), seed = Number(found.seed), own = numbers(found.own, 4), at = numbers(found.at, 2);
        if (Number.isInteger(side) && side >= 2 && side <= 30) state.side = side;
        if (found.seed && Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32) state.seed = seed;
        if (own && own[0] < own[1] && own[2] < own[3]) state.own = own;
        if (at) state.at = at;
        const kind = props.classes.findIndex(({ en }) => en === found.class);
        if (state.plane === "latents" && kind >= 0) state.kind = kind;
        const pins = numbers(found.pins, 4) ?? numbers(found.pins, 2);
        if (pins) state.pins = Array.from({ length: pins.length / 2 }, (_, i) => pins.slice(2 * i, 2 * i + 2).map(clamp));
        return state;
    }

    remembered() {
        const { models, plane, range, side, seed, own, at, pins, kind } = this.state;
        const short = numbers => numbers.map(x => Math.round(x * 1e4) / 1e4).join(",");
        return {
            models: models.join(","), plane, range, side, seed: plane === "images" ? seed : null,
            at: kind === null ? short(at) : null, class: kind === null ? null : this.props.classes[kind].en,
            own: range === "own" ? short(own) : null, pins: pins.length ? short(pins.flat()) : null,
        };
    }

    buildControls() {
        const { props } = this;
        for (const [k, name] of props.classes.entries()) {
            const chip = document.createElement("button");
            chip.type = "button";
            chip.textContent = pick(name);
            chip.style.setProperty("--colour", props.colours[k]);
            chip.addEventListener("click", () => this.toClass(k));
            for (const [event, only] of [["pointerenter", k], ["pointerleave", null], ["focus", k], ["blur", null]])
                chip.addEventListener(event, () => { this.only = only; this.remap(); });
            this.find(".chips").append(chip);
        }
        /** @type {NodeListOf<HTMLElement>} */
        const buttons = this.element.querySelectorAll("[data-do]");
        for (const button of buttons)
            button.addEventListener("click", () => this[button.dataset.do]());
        const form = this.find(".settings");
        for (const [kind, { title }] of Object.entries(props.planes)) form.plane.add(new Option(pick(title), kind));
        form.addEventListener("submit", event => event.preventDefault());
        form.addEventListener("input", event => this.changed(event.target));
        form.addEventListener("change", event => this.changed(event.target));
    }

    /** Show the settings as they are in the state. */
    fillForm() {
        const { state, props } = this, form = this.find(".settings"), kind = props.planes[state.plane];
        form.plane.value = state.plane;
        fill(this.find(".models"), kind.models, { type: "checkbox", name: "model", chosen: state.models });
        fill(this.find(".ranges"), [...kind.ranges, "own"], {
            type: "radio", name: "range", chosen: [state.range], title: name => pick(props.ranges[name]),
        });
        this.find(".own").hidden = state.range !== "own";
        for (const [i, name] of ["x_min", "x_max", "y_min", "y_max"].entries()) form[name].value = state.own[i];
        form.side.value = form.shown.value = state.side;
        this.find("[data-do=other]").hidden = state.plane !== "images";
        this.find(".chips").hidden = state.plane !== "latents";
    }

    changed(input) {
        const form = this.find(".settings"), { state } = this;
        if (input.name === "plane") {
            const kind = this.props.planes[input.value];
            Object.assign(state, { plane: input.value, models: kind.start, at: [0.5, 0.5], kind: null, pins: [], range: kind.ranges[kind.ranges.length > 2 ? 1 : 0] });
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
            if (!(own[0] < own[1] && own[2] < own[3])) return this.complain(this.say("minimum_first"));
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
        if (state.kind === null) this.moveTo(state.at);
        else this.toClass(state.kind);
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
        Object.assign(this.state, { at: place, kind: null });
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
        this.point(place);
    }

    clear() {
        this.state.pins = [];
        this.redraw();
    }

    /** From pin to pin and back, along the line between them. */
    morph() {
        const [from, to] = this.state.pins;
        this.move(MORPH, share => {
            const t = (1 - Math.cos(2 * Math.PI * share)) / 2;
            this.moveTo(from.map((x, i) => x + t * (to[i] - x)));
        });
    }

    /** Each map to its own centroid of the class. */
    toClass(k) {
        this.rest();
        this.state.kind = k;
        for (const pad of this.shown) {
            const centroids = pad.centroids;
            if (centroids) pad.place = pad.share([centroids[2 * k], centroids[2 * k + 1]]);
        }
        this.redraw();
    }

    /** Somewhere where there is data. */
    surprise() {
        this.rest();
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
        copy(viewLink(), this.find("[data-do=link]"), this.say);
    }

    /** Call the server; what it refuses stands on the page. */
    async ask(name, request) {
        const answer = await this.server[name](request);
        if (answer.error) {
            this.complain(pick(answer.error));
            throw new Error(answer.error.en);
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
