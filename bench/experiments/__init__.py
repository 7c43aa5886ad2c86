"""One module for each experiment; what each has is said in ../bench.py."""
