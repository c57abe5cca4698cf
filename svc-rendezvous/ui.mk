# The files of ui/ become one C file of bytes, so that the program needs nothing but itself.
svc-rendezvous_GEN := $(G)/svc-rendezvous/ui.c

$(G)/svc-rendezvous/ui.c: http/ui_embed.sh $(wildcard svc-rendezvous/ui/*) svc-rendezvous/ui
	@mkdir -p $(@D)
	$(Q)http/ui_embed.sh svc-rendezvous/pages.h pages_files svc-rendezvous/ui/* > $@
