// What the page's scripts share: the address, languages, saving and copying, and calls of which only the last counts.

import { assist } from "./access.js";
import { drawHeld, keep, play, stop, watchPanels } from "./wishes.js";

export { keep, play, stop };

/** `work`, an async function, run one at a time: of the calls made while it runs, one more follows, and that one sees the latest. */
export function always(work) {
    let running = false, again = false;
    return async () => {
        if (running) return void (again = true);
        running = true;
        do {
            again = false;
            try {
                await work();
            } catch {
                again = false; // said on the page where it arose
            }
        } while (again);
        running = false;
    };
}

// -- the address

const query = () => Object.fromEntries(new URL(location.href).searchParams);

/** What the address said when the page was opened, or gone back to.
 * @type {Record<string, string>} */
let opened = query();
let restoring = true; // until the tab that the address names is there, none may write its own
let following = false; // whether that is an address of the browser's Back or Forward
/** @type {number | undefined} */
let patience;
/** @type {number | undefined} */
let insistence;
// For a restoration, until it is asked for again, and between two looks at it; in ms.
const PATIENCE = 10_000, INSIST = 1500, LOOK = 50;

/** What the address said of a tab; nothing if it spoke of another. */
export const recall = tab => ((opened.tab ?? "explore") === tab ? opened : {});

/** The server has answered what stands in the address: once the tab is there too, others may write their own. The visitor may
 * have gone on in the meantime, and then that answer is awaited. */
export function restored() {
    if (!restoring) return;
    const named = document.querySelector(`[role=tab][data-tab-id="${CSS.escape(opened.tab ?? "")}"]`);
    if (named && named.getAttribute("aria-selected") !== "true") return void setTimeout(restored, LOOK);
    const answered = opened;
    setTimeout(() => answered === opened && settled(), LOOK); // until the inputs have what was answered
}

/** The tab that is shown; none before the page is there. */
const shown = () => document.querySelector("[role=tab][aria-selected=true]")?.getAttribute("data-tab-id");

function settled() {
    clearTimeout(patience);
    clearInterval(insistence);
    restoring = following = false;
    drawHeld();
}

/** Whether the inputs of a tab are about to change to what the address says. */
export const awaits = tab => restoring && opened.tab === tab;

/** What to call when the visitor comes back to a tab by the browser's buttons, by the tab.
 * @type {Record<string, () => void>} */
const returns = {};

/** `act` when Back or Forward lead to `tab`: `recall` has what the address then says. */
export const whenReturned = (tab, act) => void (returns[tab] = act);

/** What each tab last put into the address. */
const last = {};

/** Put what a tab shows into the address, and the tab with it. Another tab, and whatever is a `step` of its own, can be gone
 * back from; other changes replace what was there. */
export function remember(tab, values, step = false) {
    last[tab] = values;
    if ((restoring && (opened.tab ?? tab) !== tab) || (shown() ?? tab) !== tab) return; // the address is that of the tab shown
    const address = new URL(location.href), before = address.searchParams.get("tab");
    for (const name of [...address.searchParams.keys()]) if (!name.startsWith("__")) address.searchParams.delete(name);
    address.searchParams.set("tab", tab);
    for (const [name, value] of Object.entries(values)) if (value !== null) address.searchParams.set(name, value);
    if (address.href === location.href) return;
    if (step || (before !== null && before !== tab)) history.pushState({ ...history.state, step }, "", address);
    else history.replaceState(history.state, "", address);
    tell(address);
}

/** Whether the browser's Back leads to what was there before a `step`. */
export const stepped = () => Boolean(history.state?.step);

/** Let the page around the frame of a Space take over the address (huggingface.co/docs/hub/spaces-handle-url-parameters). */
function tell({ searchParams, hash }) {
    if (parent === window) return;
    const told = new URLSearchParams(searchParams);
    told.delete("__sign"); // this visitor's own key to a private Space
    parent.postMessage({ queryString: told.toString(), hash }, "https://huggingface.co");
}

/** The address of this view for somebody else: without what a Space adds for this visitor alone. */
export function viewLink() {
    const address = new URL(location.href);
    for (const name of [...address.searchParams.keys()]) if (name.startsWith("__")) address.searchParams.delete(name);
    return address.href;
}

/** A tab was opened, as Gradio tells, sometimes late. While the page is opened, nobody but the visitor turns to another than
 * that of the address; on the way Back or Forward, the server does too. */
export async function turned(tab) {
    await new Promise(resolve => setTimeout(resolve)); // until it is shown
    if (shown() !== tab) return; // it was left since
    if (restoring && !following && tab !== (opened.tab ?? tab)) settled();
    remember(tab, last[tab] ?? recall(tab));
}

/** Follow the browser's Back and Forward: `restore` asks the server for the tab and its inputs. */
function follow(restore) {
    patience = setTimeout(settled, PATIENCE);
    addEventListener("popstate", () => {
        opened = query();
        const { tab = "explore", ...values } = opened;
        last[tab] = values;
        restoring = following = true;
        clearTimeout(patience);
        patience = setTimeout(settled, PATIENCE);
        restore(location.search);
        clearInterval(insistence); // of two events in quick succession, Gradio may drop the second
        insistence = setInterval(() => restore(location.search), INSIST);
        returns[tab]?.();
        tell(new URL(location.href));
    });
}

// -- copying and saving

const copied = new WeakSet(); // the buttons that say so

/** Copy text, and say so on the button for a moment. */
export async function copy(text, button, say) {
    try {
        await navigator.clipboard.writeText(text);
    } catch { // without a safe connection there is no clipboard
        return void prompt(say("copy_this"), text);
    }
    if (copied.has(button)) return;
    const before = [...button.childNodes];
    copied.add(button);
    button.replaceChildren(say("copied"));
    setTimeout(() => {
        button.replaceChildren(...before);
        copied.delete(button);
    }, 1500);
}

/** Let the visitor keep a canvas as a PNG. */
export async function download(canvas, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await canvas.convertToBlob({ type: "image/png" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export const PRINT = 2400; // pixels across a printed page

/** A panel of pictures with its labels on a canvas, at the size of a printed page, each pixel a square. */
export function printed(panel) {
    const rows = [...panel.querySelectorAll(".row:not(.awaited)")].map(row => ({
        title: row.querySelector("header")?.innerText.replaceAll("\n", "  ") ?? "",
        pictures: [...row.querySelectorAll("img")],
        captions: [...row.querySelectorAll("figcaption")].map(caption => caption.innerText),
    }));
    const columns = Math.max(...rows.map(row => row.pictures.length)), { naturalWidth, naturalHeight } = rows[0].pictures[0];
    const scale = Math.max(8, Math.ceil(PRINT / ((naturalWidth + 2) * columns)));
    const wide = naturalWidth * scale, high = naturalHeight * scale, step = wide + 2 * scale, line = 5 * scale;
    const heights = rows.map(row => high + 2 * scale + (row.title ? line : 0) + (row.captions.length ? line : 0));
    const canvas = new OffscreenCanvas(columns * step + 2 * scale, heights.reduce((sum, height) => sum + height, 2 * scale));
    const context = canvas.getContext("2d");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.fillStyle = "#000";
    context.imageSmoothingEnabled = false;
    context.textBaseline = "middle";
    let y = 2 * scale;
    rows.forEach((row, k) => {
        let top = y;
        if (row.title) {
            context.font = `${3.2 * scale}px sans-serif`;
            context.fillText(row.title, 2 * scale, top + line / 2);
            top += line;
        }
        for (const [i, picture] of row.pictures.entries()) context.drawImage(picture, 2 * scale + i * step, top, wide, high);
        context.font = `${2.6 * scale}px sans-serif`;
        for (const [i, text] of row.captions.entries()) context.fillText(text, 2 * scale + i * step, top + high + line / 2, wide);
        y += heights[k];
    });
    return canvas;
}

/** Boxes to tick, or of which one is ticked, one a value, each with its title. */
export function fill(fieldset, values, { type, name, chosen, title = value => value }) {
    const boxes = values.map(value => {
        const label = document.createElement("label"), box = document.createElement("input");
        Object.assign(box, { type, name, value, checked: chosen.includes(value) });
        label.append(box, " ", title(value));
        return label;
    });
    fieldset.replaceChildren(fieldset.querySelector("legend"), ...boxes);
}

// -- languages

/** The visitor's language, of those that words.json files have, and how it writes numbers. */
export const LANGUAGE = navigator.language.startsWith("pt") ? "pt" : "en";
const LOCALE = { en: "en", pt: "pt-BR" }[LANGUAGE];
document.documentElement.lang = LOCALE; // by which the style shows one of the languages that the server sends

const read = async address => (await fetch(address)).json();
const shared = read(new URL("../shared/words.json", import.meta.url));

/** The words for scripts: `say(key, {name: value})` from the words.json at `address`, or from that of all; a value takes the
 * place of its name in braces. */
export async function speaker(address = null) {
    const words = { ...(await shared), ...(address && (await read(new URL(address, document.baseURI)))) };
    return (key, values = {}) => words[key][LANGUAGE].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** A text that the server sent in every language, or as it is. */
export const pick = text => (typeof text === "object" && text ? text[LANGUAGE] : text);

/** A number as the visitor's language writes it, by the options of Intl.NumberFormat. */
export const written = (number, options) => number.toLocaleString(LOCALE, options);

const ATTRIBUTES = ["alt", "title", "aria-label"];

/** The attributes of an element in the visitor's language, where the server sent a translation beside them. */
function translate(element) {
    for (const name of ATTRIBUTES) {
        const text = element.getAttribute(`data-${LANGUAGE}-${name}`);
        if (text !== null && element.getAttribute(name) !== text) element.setAttribute(name, text);
    }
}

/** Keep the attributes of the page translated. Gradio keeps the elements of what is drawn again, and changes their attributes. */
function translateAll() {
    const selector = ATTRIBUTES.map(name => `[data-${LANGUAGE}-${name}]`).join();
    for (const element of document.querySelectorAll(selector)) translate(element);
    new MutationObserver(changes => {
        for (const { target, type, addedNodes } of changes) {
            if (type === "attributes") translate(target);
            for (const node of addedNodes)
                if (node instanceof Element) for (const element of [node, ...node.querySelectorAll(selector)]) translate(element);
        }
    }).observe(document.body, { childList: true, subtree: true, attributeFilter: ATTRIBUTES });
}

/** Translate what the server sends, and listen to the buttons below the panels, to the browser's own and to the keyboard;
 * `restore` asks the server for the view of an address. */
export async function attend(restore) {
    follow(restore);
    watchPanels();
    assist();
    translateAll();
    const say = await speaker();
    document.addEventListener("click", event => {
        const button = event.target instanceof Element && event.target.closest(".pictures .share button");
        if (!(button instanceof HTMLElement)) return;
        if (button.dataset.do === "link") copy(viewLink(), button, say);
        else download(printed(button.closest(".pictures").querySelector(".rows")), "gengallery.png");
    });
}
