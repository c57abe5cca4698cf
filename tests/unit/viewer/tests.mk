test_site: svc-viewer/site.o svc-viewer/site_mime.o $(BASE)
test_site_line: svc-viewer/site_line.o $(BASE)
test_origins: svc-viewer/origins.o $(CODEC)
