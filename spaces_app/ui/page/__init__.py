"""The page: forms, figures and dialogs, derived from the declarations of tabs."""
