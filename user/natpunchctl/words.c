// SPDX-License-Identifier: GPL-2.0
/* Words: unambiguous beginnings of them, and what a wrong one may have meant. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "natpunchctl.h"

#define WORD_SIZE	24
#define LIST_SIZE	256
#define FEW_WORDS	6

static unsigned int least(unsigned int a, unsigned int b, unsigned int c)
{
	if (b < a)
		a = b;
	return c < a ? c : a;
}

/* Letters to insert, delete, change or swap with their neighbour. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int d[WORD_SIZE + 1][WORD_SIZE + 1];
	size_t la = strlen(a), lb = strlen(b);
	unsigned int i, j;

	if (la > WORD_SIZE || lb > WORD_SIZE)
		return WORD_SIZE;
	for (i = 0; i <= la; i++)
		d[i][0] = i;
	for (j = 0; j <= lb; j++)
		d[0][j] = j;
	for (i = 1; i <= la; i++) {
		for (j = 1; j <= lb; j++) {
			d[i][j] = least(d[i - 1][j] + 1, d[i][j - 1] + 1,
					d[i - 1][j - 1] +
						(a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[la][lb];
}

/* The one that was probably meant, or NULL. */
const char *nearest_word(const char *word, const char * const *words)
{
	size_t len = strlen(word);
	unsigned int best = len < 5 ? 2 : 3, d;
	const char *found = NULL;

	for (; *words; words++) {
		d = distance(word, *words);
		if (d < best && d < len) {
			best = d;
			found = *words;
		}
	}
	return found;
}

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
