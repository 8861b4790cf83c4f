"""What the tabs share. Only files, handlers, inputs, labels, layout, live and tab know Gradio."""
