"""What is kept of a failure: one sentence, never a stack trace."""


def sentence(error: BaseException, limit: int = 500) -> str:
    """Type and message of an error, on one line."""
    text = " ".join(str(error).split())
    name = type(error).__name__
    return (f"{name}: {text}" if text else name)[:limit].replace("\0", "")
