#!/bin/sh
# ui_embed.sh HEADER TABLE FILE...: C source on standard output with the files' bytes and, as HEADER declares it, their
# TABLE: "pages" is an array of struct page { name, bytes, size }, ended by a row of zeros.
set -e
export LC_ALL=C
header=$1 table=$2
shift 2
echo "#include \"$header\""
i=0
for file; do
	i=$((i + 1))
	echo "static const unsigned char file_$i[] = {"
	od -An -v -tx1 "$file" | sed 's/ \(..\)/0x\1,/g'
	echo '0};'
done
echo "const struct ${table%s} $table[] = {"
i=0
for file; do
	i=$((i + 1))
	echo "{\"$(basename "$file")\", file_$i, sizeof(file_$i) - 1},"
done
echo '{0, 0, 0}};'
