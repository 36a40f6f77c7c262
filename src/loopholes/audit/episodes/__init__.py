"""Episodes of several turns, played by scripted policies. To the audit, each is a completion like any other."""
