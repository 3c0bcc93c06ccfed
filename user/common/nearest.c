// SPDX-License-Identifier: GPL-2.0
/* The word that was probably meant. */
#include <stddef.h>
#include <string.h>

#include "nearest.h"

#define WORD_SIZE	24

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
