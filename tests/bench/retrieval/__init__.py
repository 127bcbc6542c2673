"""How well passages are found: real manuals with questions and their right pages, and XQuAD."""
