test_link: tests/unit/proto/pair.o $(PROTO)
test_stream: tests/unit/proto/pair.o $(PROTO)
