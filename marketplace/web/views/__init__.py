"""One module per kind of page. A view parses, asks an action or a gate, and fills a template."""
