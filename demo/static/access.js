// What Gradio leaves out for those who go by the keyboard, or have the page read to them.

const TURNS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 };

/** Tabs answer to arrows, Home and End, and only the open one stands in the order of Tab (w3.org/WAI/ARIA/apg/patterns/tabs).
 * Panels and groups have names, and a link leads past the tabs. */
export function assist() {
    document.addEventListener("keydown", event => {
        const tab = event.target instanceof Element && event.target.closest("[role=tab]");
        if (!tab || event.altKey || event.ctrlKey || event.metaKey) return;
        const tabs = [...tab.parentElement.querySelectorAll("[role=tab]")], place = tabs.indexOf(tab);
        const to = event.key === "Home" ? 0 : event.key === "End" ? tabs.length - 1 : event.key in TURNS ? place + TURNS[event.key] : null;
        if (to === null) return;
        event.preventDefault();
        const next = tabs[(to + tabs.length) % tabs.length];
        if (!(next instanceof HTMLElement)) return;
        next.click();
        next.focus();
    });
    document.addEventListener("click", event => {
        if (!(event.target instanceof Element && event.target.closest("a.skip"))) return;
        event.preventDefault(); // the address belongs to the view
        const panel = [...document.querySelectorAll("[role=tabpanel]")].find(panel => panel instanceof HTMLElement && panel.offsetParent);
        if (!(panel instanceof HTMLElement)) return;
        panel.tabIndex = -1;
        panel.focus();
    });
    let planned = false;
    const name = () => {
        planned = false;
        nameTabs();
        nameGroups();
    };
    const plan = () => {
        if (!planned) requestAnimationFrame(name);
        planned = true;
    };
    new MutationObserver(plan).observe(document.body, { childList: true, subtree: true, attributeFilter: ["aria-selected", "style"] });
    name();
}

/** Tie tabs and panels together. A panel is there once its tab was opened. */
function nameTabs() {
    for (const tab of document.querySelectorAll("[role=tab]")) {
        if (!(tab instanceof HTMLElement)) continue;
        const { tabId } = tab.dataset, selected = tab.getAttribute("aria-selected") === "true";
        set(tab, "id", `tab-${tabId}`);
        set(tab, "tabindex", selected ? "0" : "-1");
        const panel = selected && [...document.querySelectorAll("[role=tabpanel]")].find(panel => panel.checkVisibility());
        if (!panel) continue;
        set(panel, "id", `panel-${tabId}`);
        set(panel, "aria-labelledby", `tab-${tabId}`);
        set(tab, "aria-controls", `panel-${tabId}`);
    }
}

/** Groups of boxes to tick are called what stands above them. */
function nameGroups() {
    for (const group of document.querySelectorAll("fieldset")) {
        const title = group.querySelector(":scope > [data-testid=block-info]")?.textContent?.trim();
        if (title) set(group, "aria-label", title);
    }
}

/** Only what changes, for a change is looked at again. */
function set(element, name, value) {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
