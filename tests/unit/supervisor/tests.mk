test_child: supervisor/child.o $(BASE)
