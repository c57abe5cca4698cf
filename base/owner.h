/* Files made in folders of others.
 *
 * What root makes in a folder of another user belongs to that user and the folder's group, so that
 * root and he may run the same peer in turn. He may change what lies in his folder while root is at
 * work there, so:
 *
 *	- only what has just been made is given away, by its descriptor; never what was there
 *	- to the owner of the folder that it really lies in, whatever way led there: where that is
 *	  root's, so is what was made
 *	- a symbolic link is never opened, and where the working folder is another user's, none is
 *	  followed on the way of a relative path, either (ENOTDIR)
 *
 * For anybody but root these are mkdir(2), and open(2) without links at the end of the way. */
#ifndef BASE_OWNER_H
#define BASE_OWNER_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

/* Makes a folder. Returns 0, or -1 with errno (EEXIST: something of that name is there). */
int owner_mkdir(const char *path, mode_t mode);

/* Opens a file, which is made if there is none; with O_EXCL there must be none. O_CREAT, O_CLOEXEC
 * and O_NOFOLLOW are added to `flags`. Returns a descriptor, or -1 with errno. */
int owner_open(const char *path, int flags, mode_t mode);

/* A fresh file to write to, in place of one that may be there. NULL with errno. */
FILE *owner_rewrite(const char *path, mode_t mode);

/* Is this root at work in another user's folder? */
bool owner_is_guest(void);

#endif
