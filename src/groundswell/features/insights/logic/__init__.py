"""Rules of insights: checking, compiling, running and keeping questions."""
