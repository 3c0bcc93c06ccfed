/* SPDX-License-Identifier: GPL-2.0 */
/* What a wrong word may have meant: for messages that name the right one. */
#ifndef _NATPUNCH_NEAREST_H
#define _NATPUNCH_NEAREST_H

/** nearest_word() - the one of @words (to NULL) that was probably meant, or NULL */
const char *nearest_word(const char *word, const char * const *words);

#endif /* _NATPUNCH_NEAREST_H */
