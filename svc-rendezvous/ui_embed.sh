#!/bin/sh
# ui_embed.sh FILE...: C source on standard output with the files' bytes and the table pages_files[].
set -e
export LC_ALL=C
echo '#include "svc-rendezvous/pages.h"'
i=0
for file; do
	i=$((i + 1))
	echo "static const unsigned char file_$i[] = {"
	od -An -v -tx1 "$file" | sed 's/ \(..\)/0x\1,/g'
	echo '0};'
done
echo 'const struct pages_file pages_files[] = {'
i=0
for file; do
	i=$((i + 1))
	echo "{\"$(basename "$file")\", file_$i, sizeof(file_$i) - 1},"
done
echo '{0, 0, 0}};'
