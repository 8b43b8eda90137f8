"""How samples are measured against each kind of data, a file for each."""
