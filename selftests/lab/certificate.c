// SPDX-License-Identifier: GPL-2.0
/* Certificates; see certificate.h. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "certificate.h"

#define VALID_S	3600

static bool add_names(X509 *cert, const char *names)
{
	X509_EXTENSION *ext;
	bool added;

	ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
	added = ext && X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	return added;
}

static bool fill_in(X509 *cert, EVP_PKEY *key, const char *names)
{
	X509_NAME *subject = X509_get_subject_name(cert);

	return X509_set_version(cert, 2) &&
	       ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) &&
	       X509_gmtime_adj(X509_getm_notBefore(cert), -VALID_S) &&
	       X509_gmtime_adj(X509_getm_notAfter(cert), VALID_S) &&
	       X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
					  (const unsigned char *)"lab", -1, -1,
					  0) &&
	       X509_set_issuer_name(cert, subject) &&
	       X509_set_pubkey(cert, key) && add_names(cert, names) &&
	       X509_sign(cert, key, EVP_sha256());
}

static bool write_files(const char *name, X509 *cert, EVP_PKEY *key)
{
	char path[256];
	bool written;
	FILE *f;

	snprintf(path, sizeof(path), "%s.key", name);
	f = fopen(path, "w");
	written = f && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	if (f)
		written &= !fclose(f);
	snprintf(path, sizeof(path), "%s.pem", name);
	f = fopen(path, "w");
	written &= f && PEM_write_X509(f, cert);
	if (f)
		written &= !fclose(f);
	return written;
}

bool certificate_make(const char *name, const char *names)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	bool made;

	made = key && cert && fill_in(cert, key, names) &&
	       write_files(name, cert, key);
	X509_free(cert);
	EVP_PKEY_free(key);
	return made;
}
