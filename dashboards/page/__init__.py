"""One page a file; `frame` is what all pages share."""
