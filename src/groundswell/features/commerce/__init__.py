"""Commerce: orders, refunds, exchange rates."""
