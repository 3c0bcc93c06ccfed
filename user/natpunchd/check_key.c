// SPDX-License-Identifier: GPL-2.0
/* The keys of connectivity checks; see check.h. */
#include <sodium.h>
#include <string.h>

#include "check.h"

void check_key(char key[CHECK_KEY_SIZE])
{
	uint8_t random[(CHECK_KEY_SIZE - 1) / 2];

	randombytes_buf(random, sizeof(random));
	sodium_bin2hex(key, CHECK_KEY_SIZE, random, sizeof(random));
}

bool check_is_key(const char *s)
{
	return strlen(s) == CHECK_KEY_SIZE - 1 &&
	       strspn(s, "0123456789abcdef") == CHECK_KEY_SIZE - 1;
}
