test_child: supervisor/child.o $(BASE)
test_nearest: supervisor/nearest.o
test_commands: supervisor/cli_commands.o
test_config: supervisor/config.o supervisor/config_value.o supervisor/config_table.o supervisor/nearest.o $(CODEC)
test_plain: supervisor/plain.o $(BASE)
test_logline: supervisor/logline.o $(BASE)
test_show: supervisor/show.o supervisor/show_links.o supervisor/page.o supervisor/plain.o $(PROTO)
test_roster: supervisor/roster.o supervisor/config.o supervisor/config_value.o supervisor/config_table.o supervisor/nearest.o $(PROTO)
test_spawn: supervisor/spawn.o $(BASE)
test_mode: supervisor/mode.o supervisor/roster.o supervisor/config.o supervisor/config_value.o supervisor/config_table.o supervisor/nearest.o $(PROTO)
test_activation: supervisor/activation.o $(BASE)
test_notify: supervisor/notify.o
test_rotate: supervisor/rotate.o $(BASE)
test_part: supervisor/part.o supervisor/walls.o supervisor/roster.o supervisor/facts.o supervisor/config.o supervisor/config_value.o supervisor/config_table.o supervisor/nearest.o $(PROTO)
test_walls: supervisor/walls.o supervisor/roster.o supervisor/config.o supervisor/config_value.o supervisor/config_table.o supervisor/nearest.o $(PROTO)
