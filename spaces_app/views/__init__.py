"""Views: a Result as plain JSON for one component, or as a table for the terminal. Pure functions without Gradio."""
