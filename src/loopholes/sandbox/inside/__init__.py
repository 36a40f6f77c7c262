"""What runs beside hostile code: standard library only.

The fork server (zygote) runs these files by path, without site-packages and without importing the package, so that
nothing else is within reach of the programs it forks.
"""
