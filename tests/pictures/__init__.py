"""Pictures of the product for its documentation, made by scripts and never by hand."""
