test_link: tests/unit/proto/pair.o $(PROTO)
