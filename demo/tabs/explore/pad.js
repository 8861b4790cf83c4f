// One model of Explore: its map, the decoded image under the cursor, its matrix.
//
// A place on a map is (u, v) in [0, 1] x [0, 1], u to the right, v upwards: the share of the way across the map. All maps
// share it, since each latent space has a scale of its own. (a, b) are the coordinates of a model's plane, and the latent is
// z = origin + a across + b up.

import { fetchDecoder, paint } from "../../static/decoder.js";
import { always, download, PRINT, written } from "../../static/page.js";

const STEP = 0.01, STRIDE = 0.05; // of the arrow keys, and with shift

const coordinate = x => written(Math.round(100 * x) / 100 + 0, { maximumFractionDigits: 2, useGrouping: false }).replace("-", "−"); // + 0 turns -0 into 0
export const clamp = x => Math.min(1, Math.max(0, x));

export class Pad {
    constructor(name, explorer) {
        this.name = name;
        this.explorer = explorer;
        this.element = explorer.find(".pad-template").content.firstElementChild.cloneNode(true);
        this.canvas = this.find(".pad");
        this.image = this.find(".matrix-image");
        this.place = [0.5, 0.5];
        this.find("b").textContent = name;
        this.element.style.setProperty("--side", `${explorer.props.image.width}px`);
        this.canvas.setAttribute("aria-label", explorer.say("map_of", { model: name }));
        this.find(".decoded").setAttribute("aria-label", explorer.say("decoded_by", { model: name }));
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
        canvas.addEventListener("pointermove", event => explorer.hover(place(event)));
        canvas.addEventListener("pointerdown", event => explorer.point(place(event)));
        canvas.addEventListener("click", event => explorer.pin(place(event)));
        canvas.addEventListener("keydown", event => {
            const step = event.shiftKey ? STRIDE : STEP;
            const [u, v] = this.place;
            const to = {
                ArrowLeft: [u - step, v], ArrowRight: [u + step, v], ArrowUp: [u, v + step], ArrowDown: [u, v - step],
            }[event.key];
            if (to) explorer.point(to.map(clamp));
            else if (event.key === "Enter" || event.key === " ") explorer.pin(this.place);
            else return;
            event.preventDefault();
        });
        this.image.addEventListener("click", event => {
            const box = this.image.getBoundingClientRect(), [x0, x1, y0, y1] = this.area, { side } = explorer.state;
            const cell = (at, from, width) => Math.min(side - 1, Math.floor((side * (at - from)) / width)) / (side - 1);
            const a = x0 + (x1 - x0) * cell(event.clientX, box.left, box.width);
            const b = y1 - (y1 - y0) * cell(event.clientY, box.top, box.height);
            this.jump([a, b]); // which may lie beyond the map
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
            } catch {
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

    /** @param {number[]} place */
    coordinates([u, v]) {
        const [x0, x1, y0, y1] = this.plane.map;
        return [x0 + u * (x1 - x0), y0 + v * (y1 - y0)];
    }

    /** @param {number[]} coordinates */
    share([a, b]) {
        const [x0, x1, y0, y1] = this.plane.map;
        return [(a - x0) / (x1 - x0), (b - y0) / (y1 - y0)];
    }

    get z() {
        const [a, b] = this.coordinates(this.place), { origin, across, up } = this.plane;
        return origin.map((o, i) => o + a * across[i] + b * up[i]);
    }

    /** Go to coordinates of this model's plane, even beyond its map, and take the other maps along. */
    jump(coordinates) {
        this.explorer.moveTo(this.share(coordinates));
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
        /** @param {number[]} place */
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
        const [x, y] = spot(this.place.map(clamp)); // at the rim, if beyond it
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

        const [across, up] = this.coordinates(this.place).map(coordinate);
        this.find("output").textContent = this.explorer.say("place", { x: across, y: up });
        if (this.decoder) paint(this.find(".decoded"), this.decoder.decode(this.z), this.decoder.image);
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
        const { levels } = await this.explorer.ask("decode", { model: this.name, z: this.z });
        paint(this.find(".decoded"), levels, this.explorer.props.image, 1);
    }

    async askMatrix() {
        const { state } = this.explorer, { plane, seed, side } = state;
        const area = state.range === "own" ? state.own : (this.plane.ranges[state.range] ?? Object.values(this.plane.ranges)[0]);
        const wish = { model: this.name, plane, seed, side, area };
        if (this.area && JSON.stringify(wish) === this.wish) return; // a slider says the same twice
        const { image } = await this.explorer.ask("matrix", wish);
        this.wish = JSON.stringify(wish);
        this.area = area;
        this.image.style.setProperty("--pixels", `${this.explorer.props.image.width * side}px`);
        this.image.alt = this.explorer.say("matrix_of", { model: this.name, side });
        this.image.src = image;
        await this.image.decode();
        this.explorer.redraw();
    }

    /** The matrix at the size of a printed page, each pixel a square of 4 x 4 or more. */
    async save() {
        const { naturalWidth: width, naturalHeight: height } = this.image, scale = Math.max(4, Math.ceil(PRINT / width));
        const canvas = new OffscreenCanvas(scale * width, scale * height), context = canvas.getContext("2d");
        context.imageSmoothingEnabled = false;
        context.drawImage(this.image, 0, 0, canvas.width, canvas.height);
        await download(canvas, `${this.name}.png`);
    }
}
