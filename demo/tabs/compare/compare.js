// Compare: the table of all models, which sorts itself, plots of what they are worth against what they cost, and a card of
// each. Everything that it knows of a model comes from the server.

import { copy, LANGUAGE, pick, recall, remember, stepped, viewLink, whenReturned } from "../../static/page.js";
import { around, DOT, LETTERS, MOST_TICKS, scale, settle, shape, tickText } from "../../static/plot.js";

const MARGIN = { top: 34, right: 12, bottom: 48, left: 44 };
const TAP = 20; // how near to a dot a tap has to come; in px
const TICK = 80; // the room that a tick takes across; in px

/** What the address says at this moment. */
const recallNow = () => Object.fromEntries(new URL(location.href).searchParams);

class Comparison {
    /** @type {HTMLElement} */ element;
    /** What the server gave this part. @type {any} */ props;
    /** Its functions, by name. @type {any} */ server;
    /** @type {(key: string, values?: object) => string} */ say;
    /** Each family's part of the table, and its rows. @type {[HTMLTableSectionElement, HTMLTableRowElement[]][]} */ families;

    constructor(element, props, server, say, watch) {
        Object.assign(this, { element, props, server, say });
        this.dialog = this.find("dialog");
        this.collator = new Intl.Collator(LANGUAGE, { numeric: true });
        element.addEventListener("click", event => this.clicked(event));
        this.find("select").addEventListener("change", event => {
            this.state.by = event.target.value;
            this.plot();
            this.remember();
        });
        this.dialog.addEventListener("close", () => {
            const { card } = this.state;
            this.state.card = null;
            if (card && stepped() && recallNow().card === card) history.back(); // to what was there before the card
            else this.remember();
        });
        whenReturned("compare", () => this.back());
        new ResizeObserver(() => this.plot()).observe(this.find(".plots"));
        watch("value", () => this.take());
        this.take();
    }

    /** @returns {any} */
    find(selector) {
        return this.element.querySelector(selector);
    }

    get columns() {
        return new Map(Array.from(/** @type {NodeListOf<HTMLElement>} */ (this.element.querySelectorAll("[data-column]")),head => [head.dataset.column, head]));
    }

    /** Take up what the server measured. */
    take() {
        const { value } = this.props, fresh = document.createElement("template"), left = this.find(".scroll")?.scrollLeft;
        if (!value?.html) return;
        fresh.innerHTML = value.html;
        this.families = Array.from(fresh.content.querySelectorAll("tbody"))
            .filter(body => body.matches(".family")).map(body => [body, [...body.rows]]);
        this.floor = fresh.content.querySelector("tbody.floor");
        this.find(".waiting").hidden = true;
        this.find(".held").replaceChildren(fresh.content);
        const first = !this.state;
        this.state ??= this.recalled();
        this.fill();
        this.arrange();
        this.plot();
        if (left) this.find(".scroll").scrollLeft = left;
        else if (first) this.reveal(this.state.sort);
        this.remember();
        if (first && this.state.card) this.open(this.state.card);
    }

    /** The state that the address tells, as far as it makes sense. */
    recalled() {
        const { sort, order, by, card } = recall("compare"), { figures, models } = this.props.value;
        const known = this.columns.has(sort);
        return {
            sort: known ? sort : null, order: known && order === "down" ? "down" : "up",
            by: Object.hasOwn(figures, by ?? "") ? by : null, card: Object.hasOwn(models, card ?? "") ? card : null,
        };
    }

    /** Put it into the address, which is the open tab's; a card is a `step` of its own. */
    remember(step = false) {
        const { sort, order, by, card } = this.state;
        if (this.element.offsetParent) remember("compare", { sort, order: sort && order, by, card }, step);
    }

    /** The visitor came back: take up what the address says. */
    back() {
        if (!this.state) return;
        const { sort, order, by } = this.state, { card } = (this.state = this.recalled());
        if (sort !== this.state.sort || order !== this.state.order) this.arrange();
        if (by !== this.state.by) {
            this.fill();
            this.plot();
        }
        if (card) this.open(card);
        else if (this.dialog.open) this.dialog.close();
    }

    clicked(event) {
        const link = event.target.closest("a.dot"), button = event.target.closest("button"), svg = event.target.closest("svg");
        if (event.target === this.dialog) { // its rim, or beside it
            const { left, right, top, bottom } = this.dialog.getBoundingClientRect(), { clientX: x, clientY: y } = event;
            return x < left || x > right || y < top || y > bottom ? this.dialog.close() : undefined;
        }
        if (svg) {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a new tab or window
            const name = link?.dataset.model ?? this.nearest(svg, event);
            if (!name) return;
            event.preventDefault();
            return this.open(name);
        }
        if (!button) return;
        const head = button.closest("[data-column]"), row = button.closest("[data-model]");
        if (head) this.sort(head.dataset.column, "falling" in head.dataset ? "down" : "up");
        else if (row) this.open(row.dataset.model);
        else if (button.matches(".families")) this.sort(null);
        else if (button.closest(".jump")) this.jump([...button.parentElement.children].indexOf(button));
        else if (button.dataset.do === "close") this.dialog.close();
        else if (button.dataset.do === "surprise") this.surprise();
        else if (button.dataset.do === "link") copy(viewLink(), button, this.say);
        else if (button.dataset.do === "python") copy(this.find("dialog footer pre").textContent, button, this.say);
    }

    // -- the table

    /** Sort by a column, whose best values mostly come `first` going up or down; then turn round; then by family again. */
    sort(column, first) {
        const { state } = this;
        if (column !== state.sort) Object.assign(state, { sort: column, order: first ?? "up" });
        else if (state.order === first) state.order = first === "up" ? "down" : "up";
        else state.sort = null;
        const lost = document.activeElement?.matches(".families"); // it hides itself
        this.arrange();
        if (lost) this.find("[data-column] button").focus();
        this.remember();
    }

    arrange() {
        const { sort, order } = this.state, { models } = this.props.value, table = this.find("table.compare");
        for (const [column, head] of this.columns)
            if (column === sort) head.setAttribute("aria-sort", order === "up" ? "ascending" : "descending");
            else head.removeAttribute("aria-sort");
        this.find(".families").hidden = !sort;
        this.list?.remove();
        for (const [body, rows] of this.families) {
            if (sort) body.remove();
            else body.replaceChildren(...rows);
        }
        const bodies = this.families.map(([body]) => body);
        if (sort) {
            const sign = order === "up" ? 1 : -1, of = row => models[row.dataset.model].values[sort];
            const rows = this.families.flatMap(([, rows]) => rows.filter(row => row.dataset.model)).sort((a, b) => {
                const x = pick(of(a)), y = pick(of(b));
                if (x === undefined || y === undefined) return Number(x === undefined) - Number(y === undefined); // always last
                return sign * (typeof x === "string" ? this.collator.compare(x, y) : x - y);
            });
            this.list = document.createElement("tbody");
            this.list.append(...rows);
            bodies.splice(0, bodies.length, this.list);
        }
        table.append(...bodies, ...(this.floor ? [this.floor] : []));
    }

    /** Bring a column into sight. */
    reveal(column) {
        const box = this.find(".scroll"), head = this.columns.get(column)?.getBoundingClientRect();
        if (head && head.right > box.getBoundingClientRect().right) box.scrollLeft += head.right - box.getBoundingClientRect().right + head.width;
    }

    /** Bring a group of columns beside the models' names. */
    jump(index) {
        const box = this.find(".scroll"), group = box.querySelectorAll(".over")[index];
        const left = group.getBoundingClientRect().left - box.querySelector("[rowspan]").getBoundingClientRect().right;
        box.scrollBy({ left, behavior: "smooth" });
    }

    // -- the plots

    /** What there is to choose, and which colour is whose. */
    fill() {
        const { figures, families, models } = this.props.value, select = this.find("select");
        this.find(".plotted").hidden = !Object.keys(figures).length;
        select.replaceChildren(...Object.entries(figures).map(([name, { title }]) => new Option(pick(title), name)));
        select.value = this.state.by ?? Object.keys(figures)[0] ?? "";
        this.find(".hues").replaceChildren(...families.map(({ title, hue }) => {
            const label = document.createElement("span"), dot = document.createElement("i");
            dot.className = "dot";
            label.style.setProperty("--hue", `var(--hue-${hue})`);
            label.append(dot, pick(title));
            return label;
        }));
        this.find(".hollow").hidden = !Object.values(models).some(({ exhibit }) => exhibit);
    }

    plot() {
        if (!this.state || !this.find(".plots").clientWidth) return;
        const axes = [["milliseconds", this.say("image_time")], ["parameters", this.say("parameters")]];
        for (const [k, svg] of this.element.querySelectorAll(".plots svg").entries()) this.draw(svg, ...axes[k]);
    }

    /** The chosen figure of every model that has one against what it costs. */
    draw(svg, cost, title) {
        const { say } = this, { figures, models, floor } = this.props.value, by = this.find("select").value, figure = figures[by];
        if (!figure) return;
        const { clientWidth: width, clientHeight: height } = svg, frame = { left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: height - MARGIN.bottom };
        const shown = Object.entries(models).filter(([, { values }]) => by in values);
        const x = scale(shown.map(([, { values }]) => values[cost]), frame.left, frame.right, 1, Math.min(MOST_TICKS, Math.floor(width / TICK)));
        const y = scale([...shown.map(([, { values }]) => values[by]), ...(floor[by] ?? []).slice(0, 1)], frame.bottom, frame.top, 10);
        const letters = document.createElement("canvas").getContext("2d"), { fontSize, fontFamily } = getComputedStyle(svg);
        letters.font = `${fontSize} ${fontFamily}`; // the style's own shorthand is empty where figures are tabular
        const dots = shown.map(([name, model]) => ({
            name, model, x: x.at(model.values[cost]), y: y.at(model.values[by]), width: letters.measureText(name).width + 8, spot: null,
        }));
        const ground = shape("g", { class: "ground" });
        for (const tick of y.ticks) ground.append(
            shape("line", { x1: frame.left, x2: frame.right, y1: y.at(tick), y2: y.at(tick) }),
            shape("text", { x: frame.left - 8, y: y.at(tick), "text-anchor": "end" }, figure.percent ? `${tickText(100 * tick)}%` : tickText(tick)),
        );
        for (const tick of x.ticks) ground.append(
            shape("line", { x1: x.at(tick), x2: x.at(tick), y1: frame.top, y2: frame.bottom }),
            shape("text", { x: x.at(tick), y: frame.bottom + 14, "text-anchor": "middle" }, tickText(tick)),
        );
        const says = (x, y, title, hint) => shape("text", { class: "axis", x, y }, shape("tspan", {}, title), " ", shape("tspan", { class: "hint", dx: 6 }, hint));
        ground.append(
            says(2, 12, pick(figure.title), `${figure.sign} ${pick(figure.better)}`),
            says(2, height - 8, title, `← ${say("lower")}`), // from the edge, for a narrow screen has no more room
        );
        const taken = [];
        if (by in floor) {
            const value = floor[by][0], text = pick(floor[by][1]), at = y.at(value), label = say("real_images"), room = letters.measureText(`${label} ${text}`).width + 16;
            const side = at - LETTERS - 4 < frame.top ? 10 : -8;
            ground.append(
                shape("line", { class: "floor", x1: frame.left, x2: frame.right, y1: at, y2: at }),
                shape("text", { class: "floor", x: frame.right, y: at + side, "text-anchor": "end" }, shape("tspan", {}, label), " ", shape("tspan", { dx: 4 }, text)),
            );
            taken.push(around(frame.right - room / 2, at + side, room, LETTERS), around((frame.left + frame.right) / 2, at, frame.right - frame.left, 3));
        }
        settle(dots, { ...frame, left: frame.left + 2, right: width - 2 }, taken);
        svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
        svg.replaceChildren(ground, ...dots.map(dot => this.link(dot, [figure.title, dot.model.written[by], title, dot.model.written[cost]].map(pick))));
    }

    /** A dot with its name, which leads to the card. */
    link({ name, model, x, y, spot }, facts) {
        const { line } = spot, text = [name, ...facts].join(" · ");
        const path = line.length ? [shape("path", { d: `M${line.map(bit => `${bit.left + 1},${bit.top + 1}`).join("L")}` })] : [];
        return shape(
            "a",
            {
                class: `dot${model.exhibit ? " exhibit" : ""}`, style: `--hue: var(--hue-${model.hue})`, "data-model": name,
                href: `?${new URLSearchParams({ tab: "compare", card: name })}`, "aria-label": text,
            },
            shape("title", {}, text), ...path, shape("circle", { cx: x, cy: y, r: DOT }),
            shape("text", { x: spot.x, y: spot.y, "aria-hidden": "true" }, name),
        );
    }

    /** The model of the dot near to where the pointer is, if there is one. */
    nearest(svg, { clientX, clientY }) {
        const far = dot => {
            const { x, y, width, height } = dot.querySelector("circle").getBoundingClientRect();
            return Math.hypot(clientX - x - width / 2, clientY - y - height / 2);
        };
        const [first] = [...svg.querySelectorAll("a.dot")].map(dot => [far(dot), dot.dataset.model]).sort(([a], [b]) => a - b);
        return first && first[0] <= TAP ? first[1] : null;
    }

    // -- the card

    /** The card of any model. */
    surprise() {
        const names = Object.keys(this.props.value.models);
        this.open(names[Math.floor(Math.random() * names.length)]);
    }

    async open(name) {
        const { dialog, state } = this, notice = this.find(".notice");
        state.card = name;
        const { html, error } = await this.server.card({ model: name });
        notice.textContent = pick(error) ?? "";
        notice.hidden = !error;
        if (error) state.card = null;
        if (state.card !== name || !this.element.offsetParent) return; // left in the meantime
        const fresh = document.createElement("template");
        fresh.innerHTML = html;
        dialog.replaceChildren(fresh.content);
        if (dialog.open) return;
        this.remember(recallNow().card !== name);
        // The focus goes back to where it was: after a link to the card, to the model's row.
        if (document.activeElement === document.body) this.find(`tr[data-model="${CSS.escape(name)}"] .name`).focus({ preventScroll: true });
        dialog.showModal();
        dialog.scrollTop = 0;
    }
}

export const start = (element, props, server, say, _trigger, watch) => new Comparison(element, props, server, say, watch);
