// SPDX-License-Identifier: GPL-2.0
/* natpunchctl check: values to RFC words, and to sentences for people. */
#include <stdio.h>
#include <string.h>

#include "check.h"

const char *behaviour_word(enum behaviour b)
{
	static const char * const words[] = {
		[BEHAVIOUR_UNKNOWN] = "unknown",
		[BEHAVIOUR_NONE] = "none",
		[BEHAVIOUR_EI] = "endpoint-independent",
		[BEHAVIOUR_AD] = "address-dependent",
		[BEHAVIOUR_APD] = "address and port-dependent",
		[BEHAVIOUR_DEPENDENT] =
			"address-dependent, or address and port-dependent",
	};

	return words[b];
}

/* One word, or NULL where it is not known. */
const char *behaviour_json(enum behaviour b)
{
	static const char * const words[] = {
		[BEHAVIOUR_NONE] = "none",
		[BEHAVIOUR_EI] = "endpoint-independent",
		[BEHAVIOUR_AD] = "address-dependent",
		[BEHAVIOUR_APD] = "address-and-port-dependent",
		[BEHAVIOUR_DEPENDENT] = "dependent",
	};

	return words[b];
}

const char *mapping_sentence(const struct report *r)
{
	switch (r->mapping) {
	case BEHAVIOUR_NONE:
		return "This machine's own address is what peers see.";
	case BEHAVIOUR_EI:
		if (r->ports_kept && r->ports_kept == r->ports_seen)
			return
				"All peers see the same external endpoint. A "
				"NAT that merely keeps every port, as "
				"masquerade does, looks so too, until another"
				" host wants that port.";
		return
			"All peers see the same external endpoint: what one "
			"server tells is true for any peer.";
	case BEHAVIOUR_AD:
		return
			"Another peer address sees another external endpoint;"
			" the ports of one address see the same.";
	case BEHAVIOUR_APD:
		return
			"Every peer endpoint sees another external endpoint: "
			"what a server tells is true for that server alone.";
	case BEHAVIOUR_DEPENDENT:
		return "Another peer sees another external endpoint.";
	case BEHAVIOUR_UNKNOWN:
		break;
	}
	return "";
}

const char *filtering_sentence(const struct report *r)
{
	switch (r->filtering) {
	case BEHAVIOUR_EI:
		return r->mapping == BEHAVIOUR_NONE ?
			       "Anybody may send to this machine's ports." :
			       "Anybody may send to a mapping once it is there.";
	case BEHAVIOUR_AD:
		return "Only addresses that were sent to may send back, from any port.";
	case BEHAVIOUR_APD:
		return "Only endpoints that were sent to may send back.";
	default:
		return "";
	}
}

const char *hairpin_word(enum hairpin h)
{
	static const char * const words[] = {
		[HAIRPIN_UNKNOWN] = "unknown",
		[HAIRPIN_NOT_APPLICABLE] = "not applicable",
		[HAIRPIN_NO] = "no, or not seen by one host alone",
		[HAIRPIN_INTERNAL] = "yes, with the internal source endpoint",
		[HAIRPIN_EXTERNAL] = "yes, with the external source endpoint",
	};

	return words[h];
}

const char *alloc_word(unsigned int alloc)
{
	static const char * const words[NP_ALLOC_MAX] = {
		[NP_ALLOC_UNKNOWN] = "unknown",
		[NP_ALLOC_PRESERVE] = "preserved",
		[NP_ALLOC_STEP] = "step",
		[NP_ALLOC_PARITY] = "parity",
		[NP_ALLOC_PER_DEST] = "per-destination",
		[NP_ALLOC_BLOCK] = "block",
		[NP_ALLOC_BAND] = "band",
		[NP_ALLOC_RANDOM] = "random",
	};

	return alloc < NP_ALLOC_MAX ? words[alloc] : "unknown";
}

const char *class_word(unsigned int mapping)
{
	static const char * const words[NP_MAPPING_MAX] = {
		[NP_MAPPING_UNKNOWN] = "unknown",
		[NP_MAPPING_NONE] = "none",
		[NP_MAPPING_EI] = "endpoint-independent",
		[NP_MAPPING_AD] = "address-dependent",
		[NP_MAPPING_APD] = "address-and-port-dependent",
	};

	return mapping < NP_MAPPING_MAX ? words[mapping] : "unknown";
}
