"""The engines Groundswell stands on: started here when no URL names them elsewhere."""
