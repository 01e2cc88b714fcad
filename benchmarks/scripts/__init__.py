"""Whole jobs as a user of another library writes them: read the data, train, evaluate, print the accuracy."""
