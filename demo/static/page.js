// What the page's scripts share: the address, languages, and calls of which only the last counts.

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

/** Put what a tab shows into the address, and the tab with it. */
export function remember(tab, values) {
    const address = new URL(location);
    for (const name of [...address.searchParams.keys()]) if (!name.startsWith("__")) address.searchParams.delete(name);
    address.searchParams.set("tab", tab);
    for (const [name, value] of Object.entries(values)) if (value !== null) address.searchParams.set(name, value);
    if (address.href !== location.href) history.replaceState(history.state, "", address);
}

/** What the address said of a tab when the page was opened; nothing if it spoke of another. */
const opened = Object.fromEntries(new URL(location).searchParams);
export const recall = tab => ((opened.tab ?? "explore") === tab ? opened : {});

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

/** `say(text)`: the text in the visitor's language, where there is a translation, as in pt.json. */
export async function language() {
    if (!navigator.language.startsWith("pt")) return text => text;
    const words = await (await fetch(new URL("pt.json", import.meta.url))).json();
    return text => words[text] ?? text;
}

/** Put every text within an element into the visitor's language. */
export function translate(element, say) {
    const parts = [element, ...[...element.querySelectorAll("template")].map(template => template.content)];
    for (const part of parts) {
        const walker = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
            const node = walker.currentNode, text = node.data.trim();
            if (text) node.data = node.data.replace(text, say(text));
        }
    }
}
