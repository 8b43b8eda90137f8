"""How a model is judged: one protocol per kind of data, feature spaces, the evaluation record."""
