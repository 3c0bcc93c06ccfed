// SPDX-License-Identifier: GPL-2.0
/* What there is of natpunch in memory: an object of each kind, and the module. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

static unsigned int slab(const char *cache)
{
	unsigned int value = 0;
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/slab_size", cache);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%u", &value) != 1)
		ktap_bail("%s has no figure", path);
	fclose(f);
	return value;
}

/* The file of the loaded module, with all sections that it tells of. */
static const char *module_file(void)
{
	Elf64_Ehdr head;
	struct stat st;
	size_t size;
	char path[256];
	void *file;
	FILE *f;
	int fd;

	f = popen("modinfo -n natpunch", "r");
	if (!f || fscanf(f, "%255s", path) != 1)
		ktap_bail("modinfo knows no natpunch");
	pclose(f);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		ktap_bail("%s: %s", path, strerror(errno));
	size = (size_t)st.st_size;
	file = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (file == MAP_FAILED)
		ktap_bail("%s: %s", path, strerror(errno));
	if (size < sizeof(head) || memcmp(file, ELFMAG, SELFMAG))
		ktap_bail("%s is no ELF file", path);
	memcpy(&head, file, sizeof(head));
	if (head.e_shoff + head.e_shnum * sizeof(Elf64_Shdr) > size)
		ktap_bail("%s is cut short", path);
	return file;
}

/*
 * Bytes of the sections that have all of @flags, and none of @without. What is
 * freed once the module is there counts as well.
 */
static unsigned int sections(const char *file, uint64_t flags, uint64_t without)
{
	unsigned int i, bytes = 0;
	const Elf64_Shdr *s;
	Elf64_Ehdr head;

	memcpy(&head, file, sizeof(head));
	s = (const Elf64_Shdr *)(file + head.e_shoff);
	for (i = 0; i < head.e_shnum; i++)
		if ((s[i].sh_flags & flags) == flags &&
		    !(s[i].sh_flags & without))
			bytes += s[i].sh_size;
	return bytes;
}

void bench_size(void)
{
	static const char objects[] = "memory, bytes of the slab's";
	static const char module[] = "the module, bytes";
	const char *file = module_file();

	report_bytes(objects, "mapping", slab("np_mapping"));
	report_bytes(objects, "flow record", slab("np_flow"));
	report_bytes(module, "code", sections(file, SHF_ALLOC | SHF_EXECINSTR, 0));
	report_bytes(module, "constants",
		     sections(file, SHF_ALLOC, SHF_EXECINSTR | SHF_WRITE));
	report_bytes(module, "variables", sections(file, SHF_ALLOC | SHF_WRITE, 0));
}
