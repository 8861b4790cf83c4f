"""The page: the tabs, each found by its folder, and their look."""

import json

import gradio as gr
import torch

from . import api, tabs
from .shared.labels import Labels, i18n
from .shared.layout import more
from .shared.live import LIVE, VIEWS, View, go_back, restore
from .shared.models import dataset_name, models
from .shared.static import PAGE, SHARED, served, styles
from .shared.words import Words, html

gr.set_static_paths(served())
torch.set_num_threads(2)  # no more for one visitor, so that others are served beside them

SESSIONS = 100  # that Gradio remembers, at 0.4 MB each; the page keeps nothing on the server, so none is missed
TABS = tabs.find_tabs()

say = Words(SHARED / "words.json")
tagline = say("tagline", count=len(models()), dataset=dataset_name())

with gr.Blocks(title="gengallery", analytics_enabled=False, delete_cache=(60, 600)) as demo:
    head = gr.HTML(
        f'<a class="skip" href="#main">{html(say("skip"))}</a><p class="voice" role="status" aria-live="polite"></p>'
        f'<header class="title"><h1>gengallery</h1><p>{html(tagline)}</p></header>',
        js_on_load=f"{PAGE}.then(page => page.attend(search => trigger('back', {{ search }})));",
    )
    with gr.Tabs(overflow_behavior="wrap") as row:
        for name, tab in TABS.items():
            with gr.Tab(Labels(tabs.FOLDER / name / "tab.py")("title"), id=name) as box:
                tab.build(box)
                more(tabs.FOLDER / name)
            VIEWS.setdefault(name, View(box, {}))  # those that live in the page look after themselves
            box.select(
                None, None, None, js=f"async () => (await {PAGE}).turned({json.dumps(name)})", api_visibility="private"
            )
    api.offer()
    boxes = [box for view in VIEWS.values() for box in view.inputs.values()]
    # `back` is an event of the page's script, which Gradio knows by its name there.
    for arrival, handler in ((demo.load, restore), (head.back, go_back)):  # type: ignore[attr-defined]
        arrival(handler, None, [row, *boxes], api_visibility="private", **LIVE).then(
            None, None, None, js=f"async () => (await {PAGE}).restored()", api_visibility="private"
        )

# Gradio's default weights are 400 and 600, but the file of weight 600 that it brings lacks most letters.
SANS = gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700))
THEME = gr.themes.Base(
    primary_hue="stone",
    secondary_hue="stone",
    neutral_hue="stone",
    radius_size="sm",
    font=[SANS, "ui-sans-serif", "system-ui", "sans-serif"],
)


def launch(**options) -> str:
    """Start the server with the gallery's look, and `options` of Gradio's `launch`; returns its local address."""
    _, url, _ = demo.launch(
        theme=THEME,
        css_paths=styles(),
        i18n=i18n(),
        ssr_mode=False,
        run_history=False,
        footer_links=[],
        show_error=True,
        max_file_size="10mb",
        state_session_capacity=SESSIONS,
        **options,
    )
    return url
