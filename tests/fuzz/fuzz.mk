fuzz_http_text: http/http_text.o $(BASE)
