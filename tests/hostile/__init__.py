"""Model files from untrusted hands: a corpus, mutations, and one oracle for `import` and `inspect`."""
