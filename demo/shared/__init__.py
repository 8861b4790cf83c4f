"""What the tabs share. Only handlers, inputs, labels, layout, live and tab know Gradio."""
