"""Networks that are learned from the data beforehand and then frozen: classifier, embedding."""
