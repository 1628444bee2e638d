"""The vectors of others, through the libraries and the code that we use them with."""
