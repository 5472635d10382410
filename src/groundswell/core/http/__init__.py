"""HTTP for routes and pages: who may call, what is read, how failures and pages are answered."""
