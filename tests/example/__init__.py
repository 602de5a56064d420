"""An app of the suite: the least that adds a noun to every layer. ``docs/how-to/app.md`` lists its files."""
