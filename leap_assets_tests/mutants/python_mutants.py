def list_mutants(): return []
