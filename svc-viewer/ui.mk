# The files of ui/ become one C file of bytes, so that the program needs nothing but itself.
svc-viewer_GEN := $(G)/svc-viewer/ui.c

$(G)/svc-viewer/ui.c: http/ui_embed.sh $(wildcard svc-viewer/ui/*) svc-viewer/ui
	@mkdir -p $(@D)
	$(Q)http/ui_embed.sh svc-viewer/page.h page_files svc-viewer/ui/* > $@
