"""What every room uses: the exception, files, caches, digests, programs."""
