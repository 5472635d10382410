"""The rules of money: what an order is worth, when it is the same order, what may be refunded."""
