"""Pages of docs/ that are drawn from the code, and the programs that draw them."""
