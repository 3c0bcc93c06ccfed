// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target for what natpunchd reads from strangers before it knows them:
 * lines of the control socket, sealed messages, signed presence, pasted lines,
 * and descriptions of services. Links with build/libnatpunchd.a.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/natpunchd/control.h"
#include "../../user/natpunchd/seal.h"
#include "../../user/natpunchd/service.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct site_key *ours;

static void *nobody(void *data, const struct site_public *key,
		    struct replay **replay)
{
	(void)data;
	(void)key;
	(void)replay;
	return NULL;
}

static void read_message(const uint8_t *data, size_t size)
{
	static const struct seal_lookup lookup = { .find = nobody };
	static char text[SIGNED_MAX_TEXT + 1];
	static struct unsealed message;

	/* Neither can be made without a key. */
	if (unseal(ours, data, size, 1, &lookup, &message) == SEAL_OK ||
	    signed_text(site_key_public(ours), data, size, text))
		abort();
}

static void read_line(const char *text, size_t size)
{
	static uint8_t out[SEAL_MAX];
	struct service service;
	char error[64];
	json_t *json;

	if (seal_from_line(out, text) > SEAL_MAX)
		abort();
	json = control_parse(text, size, error, sizeof(error));
	if (json && !service_from_json(&service, json) &&
	    service.n_allowed > MAX_ALLOWED)
		abort();
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!ours)
		ours = site_key_new();
	if (!text || !ours)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	read_message(data, size);
	read_line(text, size);
	free(text);
	return 0;
}
