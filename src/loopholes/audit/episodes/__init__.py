"""Episodes of several turns that scripted policies play, each of them a completion like any other to the audit."""
