"""What ``captwin inspect`` tells of each kind of file: a module a kind."""
