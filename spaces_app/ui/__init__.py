"""The page: tabs become forms, events, links and an API. The only part, with the components, that knows Gradio."""
