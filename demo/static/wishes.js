// What a tab was asked for, and whether its panels show it: each panel says, in data-of, which wish it answers.

import { awaits, remember, speaker } from "./page.js";

// Milliseconds after which a panel says that it waits, after which the connection is looked at, and after which a wish that
// Gradio may have dropped is made again.
const SLOW = 700, LOST = 4000, INSIST = 1500;
const COUNT = 1500; // milliseconds after which a panel says how many requests wait, and between two such counts

/** By the tab: the number of its last wish, its inputs as text, the ids of its panels.
 * @type {Record<string, {number: number, text: string, panels: string[], stopped?: boolean, lost?: boolean, unsure?: boolean, since: number}>} */
const wishes = {};
let numbers = 0;
/** Tabs that were to be drawn before their inputs had what the address says. */
const held = new Set();

/** The inputs have what the address says. */
export function drawHeld() {
    for (const tab of held) document.getElementById(`again-${tab}`)?.click();
}

/** Remember a tab's inputs by their names, in the address too; returns them as one text, which differs when any of them does,
 * or when it is to be drawn `anew`. */
export function keep(tab, names, panels, values, anew = false) {
    // With an address that names the tab, what stands in it is about to be put into the inputs.
    if (awaits(tab)) {
        held.add(tab);
        return "";
    }
    const written = values.map(value => (value === null || value === "" ? null : String(value)));
    remember(tab, Object.fromEntries(names.map((name, i) => [name, written[i]])));
    const text = JSON.stringify(values);
    if ((anew && !held.delete(tab)) || wishes[tab]?.text !== text) {
        const unsure = wishes[tab]?.stopped || wishes[tab]?.unsure;
        wishes[tab] = { number: ++numbers, text, panels, unsure, since: performance.now() };
        if (unsure) setTimeout(() => insist(tab, wishes[tab].number), INSIST);
        announce("");
        judge(tab);
        setTimeout(() => judge(tab), SLOW);
        setTimeout(() => count(tab, wishes[tab].number), COUNT);
        setTimeout(() => look(tab, wishes[tab].number), LOST);
    }
    return `${wishes[tab].number} ${text}`;
}

/** The visitor stopped what a tab was making. */
export function stop(tab) {
    if (!wishes[tab]) return;
    wishes[tab].stopped = true;
    judge(tab);
}

const PAUSE = 600; // between two moments of a film; in ms
let playing = false;

/** Go through the moments of a tab, one after the other as its panels answer, from where it stands or from the start; or pause. */
export async function play(tab) {
    const panel = document.getElementById(tab)?.closest("[role=tabpanel]"), button = document.activeElement?.closest("button");
    if (!panel || playing) return void (playing = false);
    playing = true;
    const say = await speaker();
    if (button) button.textContent = say("pause");
    const boxes = () => [...panel.querySelectorAll(".moments input")].filter(box => box instanceof HTMLInputElement);
    let place = boxes().findIndex(box => box.checked) + 1;
    if (place === boxes().length) place = 0;
    for (; playing && place < boxes().length && panel.checkVisibility(); place++) {
        boxes()[place].click();
        await new Promise(resolve => setTimeout(resolve, PAUSE));
        while (playing && panel.querySelector("[aria-busy=true]")) await new Promise(requestAnimationFrame);
    }
    playing = false;
    if (button) button.textContent = say("play");
}

/** Put on each panel of a tab how it stands to the wish, for the style to show: "waiting", "stopped", "stale" (stopped before
 * anything new stood there), "lost" (no connection), or nothing. */
function judge(tab) {
    const wish = wishes[tab];
    let done = true;
    for (const id of wish.panels) {
        const panel = document.getElementById(id), made = panel?.querySelector(".made");
        if (!(made instanceof HTMLElement)) continue;
        const answers = made.dataset.of === String(wish.number), whole = answers && !made.querySelector(".awaited");
        const waits = !answers && performance.now() - wish.since >= SLOW - 1;
        let state = "";
        if (!whole && wish.stopped) state = answers ? "stopped" : "stale";
        else if (!answers && wish.lost) state = "lost";
        else if (waits) state = "waiting";
        panel.dataset.state = state;
        panel.setAttribute("aria-busy", String(!whole && !wish.stopped && !wish.lost));
        done &&= whole;
        if (state === "stopped" || state === "stale" || state === "lost") announce(textOf(made.querySelector(`.state.${state} span`)));
    }
    if (done) speaker().then(say => announce(say("done")));
}

/** Whether a wish is still the last of its tab, and some panel shows nothing of it. */
function unanswered(tab, number) {
    return wishes[tab].number === number && !wishes[tab].stopped && wishes[tab].panels.some(id => {
        const made = document.getElementById(id)?.querySelector(".made");
        return made instanceof HTMLElement && made.dataset.of !== String(number);
    });
}

/** Until the server has let go of what was stopped, Gradio drops what is asked for. */
function insist(tab, number) {
    if (unanswered(tab, number)) document.getElementById(`again-${tab}`)?.click();
    else if (wishes[tab].number === number) wishes[tab].unsure = false;
}

/** Whether the last wish of a tab still waits for something to be made. */
const unfinished = tab => wishes[tab].panels.some(id => document.getElementById(id)?.getAttribute("aria-busy") === "true");

/** While something of a wish is not made yet, say how many requests wait for their turn, if any do. */
async function count(tab, number) {
    if (wishes[tab].number !== number || !unfinished(tab)) return;
    let waiting = 0;
    try {
        ({ waiting } = await (await fetch(new URL("queue", document.baseURI), { cache: "no-store" })).json());
    } catch {
        return; // without a connection there is nothing to count: see `look`
    }
    const say = await speaker();
    if (wishes[tab].number !== number) return;
    for (const id of wishes[tab].panels) {
        const line = document.getElementById(id)?.querySelector(".queue");
        if (!(line instanceof HTMLElement)) continue;
        line.hidden = waiting === 0 || !unfinished(tab);
        line.textContent = waiting === 1 ? say("one_waits") : say("many_wait", { count: waiting });
    }
    setTimeout(() => count(tab, number), COUNT);
}

/** Where no answer came, see whether the server can be reached at all; ask again once it can. */
async function look(tab, number) {
    if (!unanswered(tab, number)) return;
    let lost = !navigator.onLine;
    try {
        await fetch(import.meta.url, { cache: "no-store" });
        lost = false;
    } catch {
        lost = true;
    }
    if (!unanswered(tab, number)) return;
    if (wishes[tab].lost && !lost) return void document.getElementById(`again-${tab}`)?.click(); // it is back
    wishes[tab].lost = lost;
    judge(tab);
    setTimeout(() => look(tab, number), LOST);
}

/** What an element says in the visitor's language. */
const textOf = element => (element instanceof HTMLElement ? element.innerText : "");

/** Tell those who can't see the change. */
function announce(text) {
    const voice = document.querySelector(".voice");
    if (voice && voice.textContent !== text) voice.textContent = text;
}

/** Look at the panels whenever the server sends one. */
export function watchPanels() {
    new MutationObserver(changes => {
        const changed = new Set();
        for (const { target } of changes) {
            const panel = (target instanceof Element ? target : target.parentElement)?.closest("[data-state]");
            for (const [tab, { panels }] of Object.entries(wishes)) if (panel && panels.includes(panel.id)) changed.add(tab);
        }
        for (const tab of changed) judge(tab);
    }).observe(document.body, { childList: true, subtree: true, attributeFilter: ["data-of"] });
    document.addEventListener("click", event => {
        const button = event.target instanceof Element && event.target.closest(".state [data-do=again]");
        const tab = button && Object.keys(wishes).find(tab => wishes[tab].panels.some(id => document.getElementById(id)?.contains(button)));
        if (tab) document.getElementById(`again-${tab}`)?.click();
    });
}
