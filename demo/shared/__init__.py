"""What the tabs share. Only inputs, layout, live, handlers, words and tab know Gradio."""
