// SPDX-License-Identifier: GPL-2.0
/* Words: unambiguous beginnings of them, and what a wrong one may have meant. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "natpunchctl.h"

#define LIST_SIZE	256
#define FEW_WORDS	6

/* All words that begin so, as "a, b, c"; an empty start lists all. */
static void list_words(char list[LIST_SIZE], const char *start,
		       const char * const *words)
{
	size_t len = 0;

	list[0] = '\0';
	for (; *words; words++) {
		if (strncmp(*words, start, strlen(start)))
			continue;
		len += (size_t)snprintf(list + len, LIST_SIZE - len, "%s%s",
					len ? ", " : "", *words);
		if (len >= LIST_SIZE)
			return;
	}
}

/* The index of the word; kind is what the words are, for the message. */
int find_word(const char *kind, const char *word, const char * const *words)
{
	char list[LIST_SIZE];
	const char *near;
	int i, found = -1, n = 0;

	for (i = 0; words[i]; i++) {
		if (!strcmp(words[i], word))
			return i;
		if (*word && !strncmp(words[i], word, strlen(word))) {
			found = i;
			n++;
		}
	}
	if (n == 1)
		return found;
	list_words(list, n ? word : "", words);
	if (n)
		usage("ambiguous %s '%s': one of %s", kind, word, list);
	near = nearest_word(word, words);
	if (near && i > FEW_WORDS)
		usage("unknown %s '%s', did you mean '%s'?", kind, word, near);
	usage("unknown %s '%s'%s%s%s: one of %s", kind, word,
	      near ? ", did you mean '" : "", near ? near : "",
	      near ? "'" : "", list);
}
