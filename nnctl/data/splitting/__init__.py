"""Which rows train, validate and test, and the record of the rows and files that a model was trained on.

Nothing here looks at values other than the classes and groups that a rule names.
"""
