"""How well, and how fast, a PDF's structure is read: pages are printed from HTML whose structure is known."""
