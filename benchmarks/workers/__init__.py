"""One long-lived process a library; each imports only its own."""
