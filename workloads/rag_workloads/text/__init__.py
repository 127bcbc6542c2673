"""Text as every room sees it: what a sentence is, and what a word is."""
