"""Pages: validate a form, call a manager, render."""
