"""How a person sees the result: the HTML page, the methods text, the provenance and the closing summary.

`page` builds the page from the tables' text, `charts` the Altair specifications on it, `columns` says what each column
means, `evidence` which lines a sample card shows, `methods_text` writes the methods paragraph, `provenance` says what
the result was made from, `summary` what the terminal shows at the end.
"""
