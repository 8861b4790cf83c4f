"""The page: the tabs, each found by its folder, and their look."""

import json
import os

import gradio as gr
import torch

from . import api, preview, server, tabs
from .shared.labels import Labels, i18n
from .shared.layout import more
from .shared.live import LIVE, VIEWS, View, go_back, restore
from .shared.models import dataset_name, leave_out_unsound, models, problems
from .shared.panels import notice
from .shared.static import PAGE, SHARED, styles
from .shared.words import Words, html

torch.set_num_threads(1)  # shared/work.py has two parts run at once; and one thread never waits for another

JOBS = 512  # that Gradio holds at once; most wait for their turn, see shared/work.py
SESSIONS = 500  # that Gradio remembers; the page itself keeps nothing on the server, so that none is missed
TABS = tabs.find_tabs()

say = Words(SHARED / "words.json")
leave_out_unsound()
tagline = say("tagline", count=len(models()), dataset=dataset_name())

with gr.Blocks(title="gengallery", analytics_enabled=False) as demo:
    head = gr.HTML(
        f'<a class="skip" href="#main">{html(say("skip"))}</a><p class="voice" role="status" aria-live="polite"></p>'
        f'<header class="title"><h1>gengallery</h1><p>{html(tagline)}</p></header>',
        elem_id="head",
        js_on_load=f"{PAGE}.then(page => page.attend(search => trigger('back', {{ search }})));",
    )
    for file, cause in problems().items():
        gr.HTML(notice(say("left_out", file=file, cause=cause)))
    with gr.Tabs(selected=next(iter(TABS)), overflow_behavior="wrap") as row:  # or the address says: server/front.py
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
    demo.queue(max_size=JOBS, default_concurrency_limit=None)

# Gradio's default weights are 400 and 600, but the file of weight 600 that it brings lacks most letters.
SANS = gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700))
THEME = gr.themes.Base(
    primary_hue="stone",
    secondary_hue="stone",
    neutral_hue="stone",
    radius_size="sm",
    font=[SANS, "ui-sans-serif", "system-ui", "sans-serif"],
)


def launch(prevent_thread_lock: bool = False, **options) -> str:
    """Start the server with the gallery's look, and `options` of Gradio's `launch`; returns its local address. Unless
    `prevent_thread_lock` is True, it returns when Ctrl-C or SIGTERM has stopped the server."""
    names = [options.get("server_name"), os.environ.get("GRADIO_SERVER_NAME")]
    server.reach_directly(names)
    server.pictures_as_data()
    root = options.get("root_path") or os.environ.get("GRADIO_ROOT_PATH", "")
    about = server.About("gengallery", tagline, preview.address(), TABS, root)
    _, url, _ = demo.launch(
        app_kwargs=server.options(demo, about, server.Hosts(names, [root if "//" in root else ""])),
        max_threads=JOBS,
        theme=THEME,
        css_paths=styles(),
        i18n=i18n(),
        ssr_mode=False,
        run_history=False,
        footer_links=[],
        show_error=False,  # what it would show is said of a fault, and may tell of the machine
        enable_monitoring=False,
        max_file_size=server.LARGEST_FILE,
        state_session_capacity=SESSIONS,
        prevent_thread_lock=True,
        **options,
    )
    server.bounded(demo.server.config)
    server.light_sessions(demo)
    if not prevent_thread_lock:
        wait()
    return url


def wait() -> None:
    """Serve until Ctrl-C or SIGTERM, then stop the server and leave no temporary file."""
    server.until_told(lambda: demo.close(verbose=False))
