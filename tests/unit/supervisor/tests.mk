test_child: supervisor/child.o $(BASE)
test_nearest: supervisor/nearest.o
test_config: supervisor/config.o supervisor/config_value.o supervisor/config_table.o supervisor/nearest.o $(CODEC)
