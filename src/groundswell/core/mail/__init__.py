"""Mail: written in the change's transaction, sent by a job over SMTP, or kept to be looked at."""
