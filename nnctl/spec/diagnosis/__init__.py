"""What is wrong with a config, in a user's words: and what is left of it without its wrong parts.

Nothing here stops at the first fault, or looks at data.
"""
