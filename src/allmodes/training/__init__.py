"""Training: the only room that knows devices, processes and optimizers."""

__all__: list[str] = []
