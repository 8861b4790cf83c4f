"""The tabs of the page, a file each: which inputs there are, and which view they go to. Gradio and wiring only."""
