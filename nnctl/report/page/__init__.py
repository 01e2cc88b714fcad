"""The report as one HTML file. `document` puts it together; every other module is one idea of it.

Whatever comes from a run (names, paths, cells, configs) is text: `markup.tag` escapes it in HTML,
`scripts.data_script` in JSON, and charts have it only among their data, never as the name of a field or in an
expression. Should something slip through all the same, the page's Content-Security-Policy runs only the
scripts whose hashes it names.
"""
