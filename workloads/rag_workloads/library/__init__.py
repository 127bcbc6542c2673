"""Documents and their points: the records, the vectors, the files, and the one room that orders them."""
