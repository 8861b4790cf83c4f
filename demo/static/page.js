// What the page's scripts share: the address, languages, saving and copying, and calls of which only the last counts.

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
            } catch (error) {
                again = false; // told on the page where it arose
            }
        } while (again);
        running = false;
    };
}

// -- the address

/** What the address said when the page was opened. */
const opened = Object.fromEntries(new URL(location).searchParams);
let restoring = true; // until the tab that the address names is there, none may write its own

/** What the address said of a tab; nothing if it spoke of another. */
export const recall = tab => ((opened.tab ?? "explore") === tab ? opened : {});

export const restored = () => void (restoring = false);

/** Put what a tab shows into the address, and the tab with it. */
export function remember(tab, values) {
    if (restoring && (opened.tab ?? tab) !== tab) return;
    const address = new URL(location);
    for (const name of [...address.searchParams.keys()]) if (!name.startsWith("__")) address.searchParams.delete(name);
    address.searchParams.set("tab", tab);
    for (const [name, value] of Object.entries(values)) if (value !== null) address.searchParams.set(name, value);
    if (address.href !== location.href) history.replaceState(history.state, "", address);
}

/** Remember a tab's inputs by their names; returns them all as one text. */
export function keep(tab, names, values) {
    const written = values.map(value => (value === null || value === "" ? null : String(value)));
    remember(tab, Object.fromEntries(names.map((name, i) => [name, written[i]])));
    return JSON.stringify(values);
}

// -- copying and saving

/** Copy text, and say so on the button for a moment. */
export async function copy(text, button, say) {
    try {
        await navigator.clipboard.writeText(text);
    } catch (error) { // without a safe connection there is no clipboard
        return void prompt(say("Copy this:"), text);
    }
    const before = button.textContent;
    button.textContent = say("Copied");
    setTimeout(() => (button.textContent = before), 1500);
}

/** Let the visitor keep a canvas as a PNG. */
export async function download(canvas, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await canvas.convertToBlob({ type: "image/png" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A wall of pictures with its labels on a canvas, at the size of a printed page, each pixel a square. */
export function printed(wall) {
    const rows = [...wall.querySelectorAll(".row")].map(row => ({
        title: row.querySelector("header")?.innerText.replaceAll("\n", "  ") ?? "",
        pictures: [...row.querySelectorAll("img")],
        captions: [...row.querySelectorAll("figcaption")].map(caption => caption.textContent),
    }));
    const columns = Math.max(...rows.map(row => row.pictures.length)), scale = Math.max(8, Math.ceil(2400 / (30 * columns)));
    const cell = 28 * scale, step = 30 * scale, line = 5 * scale;
    const heights = rows.map(row => cell + 2 * scale + (row.title && line) + (row.captions.length && line));
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
        row.pictures.forEach((picture, i) => context.drawImage(picture, 2 * scale + i * step, top, cell, cell));
        context.font = `${2.6 * scale}px sans-serif`;
        row.captions.forEach((text, i) => context.fillText(text, 2 * scale + i * step, top + cell + line / 2, cell));
        y += heights[k];
    });
    return canvas;
}

/** Boxes to tick, or of which one is ticked, one a name. */
export function fill(fieldset, names, { type, name, chosen, say }) {
    const boxes = names.map(value => {
        const label = document.createElement("label"), box = document.createElement("input");
        Object.assign(box, { type, name, value, checked: chosen.includes(value) });
        label.append(box, " ", say(value));
        return label;
    });
    fieldset.replaceChildren(fieldset.querySelector("legend"), ...boxes);
}

// -- languages

/** `say(text)`: the text in the visitor's language, where there is a translation, as in pt.json. There, # stands for a
 * number; of a text in parts, divided by " · ", each part is translated. */
export async function language() {
    if (!navigator.language.startsWith("pt")) return text => text;
    const words = await (await fetch(new URL("pt.json", import.meta.url))).json();
    return text => text.split(" · ").map(part => phrase(part, words)).join(" · ");
}

function phrase(text, words) {
    if (Object.hasOwn(words, text)) return words[text];
    const numbers = [];
    const pattern = text.replace(/\d(?:[\d.,]*\d)?/g, number => numbers.push(number) && "#");
    return Object.hasOwn(words, pattern) ? words[pattern].replace(/#/g, () => numbers.shift()) : text;
}

/** Put every text within an element into the visitor's language, but for code. */
export function translate(element, say) {
    const parts = [element, ...[...element.querySelectorAll("template")].map(template => template.content)];
    for (const part of parts) {
        const walker = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
            const node = walker.currentNode, text = node.data.trim();
            if (!text || node.parentElement?.closest("code")) continue;
            const said = say(text.replace(/\s+/g, " "));
            if (said !== text) node.data = node.data.replace(text, () => said);
        }
        for (const name of ["alt", "title", "aria-label"])
            for (const node of part.querySelectorAll(`[${name}]`)) {
                const text = node.getAttribute(name), said = say(text);
                if (said !== text) node.setAttribute(name, said);
            }
    }
}

/** Translate what the server sends, and listen to the buttons below the walls. */
export async function attend() {
    const say = await language();
    document.documentElement.lang = navigator.language.startsWith("pt") ? "pt" : "en";
    if (document.documentElement.lang === "pt") {
        for (const part of document.querySelectorAll(".say")) translate(part, say);
        // A wall that is drawn again keeps its nodes, and only their texts change back.
        new MutationObserver(changes => {
            for (const { target, addedNodes } of changes) {
                const changed = target.nodeType === 1 ? target : target.parentElement;
                if (changed?.closest(".say")) translate(changed, say);
                for (const node of addedNodes)
                    if (node.nodeType === 1) for (const part of node.querySelectorAll(".say")) translate(part, say);
            }
        }).observe(document.body, { childList: true, characterData: true, subtree: true });
    }
    document.addEventListener("click", event => {
        const button = event.target.closest(".say .share button");
        if (!button) return;
        if (button.dataset.do === "link") copy(location.href, button, say);
        else download(printed(button.closest(".say").querySelector(".wall")), "gengallery.png");
    });
}
