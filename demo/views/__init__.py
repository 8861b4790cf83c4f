"""From what a visitor chose to pictures and tables: pure functions, a file a tab, no Gradio.

Whatever comes in may have been posted by hand, so each function checks all of it and raises ValueError, which
says what was expected and what was found. Pictures go out as grey levels or colours, uint8. Each view also gives
the lines of Python that make its pictures, which run as they stand.
"""
