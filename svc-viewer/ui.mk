# The files of ui/ become one C file of bytes, so that the program needs nothing but itself.
svc-viewer_GEN := $(G)/svc-viewer/ui.c

$(G)/svc-viewer/ui.c: svc-viewer/ui_embed.sh $(wildcard svc-viewer/ui/*) svc-viewer/ui
	@mkdir -p $(@D)
	$(Q)svc-viewer/ui_embed.sh svc-viewer/ui/* > $@
