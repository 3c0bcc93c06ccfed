// SPDX-License-Identifier: GPL-2.0
/*
 * A module's file is relocatable ELF: each call of another function has a
 * relocation that names it, behind the byte that says call.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "calls.h"
#include "lab.h"

struct elf {
	const char *base;
	size_t len;
	const Elf64_Ehdr *header;
	const Elf64_Shdr *sections;
	const Elf64_Sym *symbols;
	size_t n_symbols;
	const char *names;
};

static const void *at(const struct elf *elf, size_t offset, size_t len)
{
	if (offset > elf->len || len > elf->len - offset)
		ktap_bail("the module's file is cut off");
	return elf->base + offset;
}

static const void *content(const struct elf *elf, const Elf64_Shdr *section)
{
	return at(elf, section->sh_offset, section->sh_size);
}

static void elf_open(struct elf *elf, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const Elf64_Shdr *s;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		ktap_bail("%s: %s", path, strerror(errno));
	elf->len = st.st_size;
	elf->base = mmap(NULL, elf->len, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (elf->base == MAP_FAILED)
		ktap_bail("%s: %s", path, strerror(errno));
	elf->header = at(elf, 0, sizeof(*elf->header));
	if (memcmp(elf->base, ELFMAG, SELFMAG) ||
	    elf->header->e_ident[EI_CLASS] != ELFCLASS64)
		ktap_bail("%s is no ELF file of 64 bits", path);
	elf->sections = at(elf, elf->header->e_shoff,
			   elf->header->e_shnum * sizeof(*elf->sections));
	for (s = elf->sections;
	     s < elf->sections + elf->header->e_shnum; s++) {
		if (s->sh_type != SHT_SYMTAB)
			continue;
		elf->symbols = content(elf, s);
		elf->n_symbols = s->sh_size / sizeof(*elf->symbols);
		elf->names = content(elf, &elf->sections[s->sh_link]);
	}
	if (!elf->symbols)
		ktap_bail("%s has no symbols", path);
}

static const char *name_of(const struct elf *elf, const Elf64_Sym *symbol)
{
	return elf->names + symbol->st_name;
}

static bool is_function(const Elf64_Sym *symbol, size_t section)
{
	return ELF64_ST_TYPE(symbol->st_info) == STT_FUNC &&
	       symbol->st_shndx == section;
}

static bool is_unique(const struct elf *elf, const Elf64_Sym *symbol)
{
	size_t i, n = 0;

	for (i = 0; i < elf->n_symbols; i++)
		n += !strcmp(name_of(elf, &elf->symbols[i]),
			     name_of(elf, symbol));
	return n == 1;
}

/* The function of a section that @offset is in. */
static const Elf64_Sym *function_at(const struct elf *elf, size_t section,
				    size_t offset)
{
	const Elf64_Sym *s;

	for (s = elf->symbols; s < elf->symbols + elf->n_symbols; s++)
		if (is_function(s, section) && s->st_value <= offset &&
		    offset < s->st_value + s->st_size)
			return s;
	return NULL;
}

/* The first function of a section that no other can be mistaken for. */
static const Elf64_Sym *anchor_of(const struct elf *elf, size_t section)
{
	const Elf64_Sym *s, *first = NULL;

	for (s = elf->symbols; s < elf->symbols + elf->n_symbols; s++)
		if (is_function(s, section) &&
		    (!first || s->st_value < first->st_value) &&
		    is_unique(elf, s))
			first = s;
	return first;
}

static bool read_call(const struct elf *elf, size_t section,
		      const Elf64_Sym *anchor, const Elf64_Rela *rela,
		      bool (*match)(const char *callee), struct call *call)
{
	const Elf64_Sym *callee = &elf->symbols[ELF64_R_SYM(rela->r_info)];
	const Elf64_Sym *caller = function_at(elf, section, rela->r_offset);

	if (ELF64_R_TYPE(rela->r_info) != R_X86_64_PLT32 || !caller ||
	    callee->st_shndx != SHN_UNDEF || rela->r_offset <= anchor->st_value ||
	    !match(name_of(elf, callee)))
		return false;
	*call = (struct call) {
		.callee = name_of(elf, callee),
		.caller = name_of(elf, caller),
		.into = rela->r_offset - 1 - caller->st_value,
		.anchor = name_of(elf, anchor),
		.offset = rela->r_offset - 1 - anchor->st_value,
	};
	return true;
}

size_t calls_read(const char *path, bool (*match)(const char *callee),
		  struct call **calls)
{
	struct elf elf = { 0 };
	const Elf64_Shdr *s;
	size_t n = 0, i;

	elf_open(&elf, path);
	*calls = NULL;
	for (s = elf.sections; s < elf.sections + elf.header->e_shnum; s++) {
		const Elf64_Sym *anchor = anchor_of(&elf, s->sh_info);
		const Elf64_Rela *rela;

		if (s->sh_type != SHT_RELA || !anchor ||
		    !(elf.sections[s->sh_info].sh_flags & SHF_EXECINSTR))
			continue;
		rela = content(&elf, s);
		*calls = realloc(*calls, (n + s->sh_size / sizeof(*rela)) *
				 sizeof(**calls));
		if (!*calls)
			ktap_bail("no memory");
		for (i = 0; i < s->sh_size / sizeof(*rela); i++)
			n += read_call(&elf, s->sh_info, anchor, &rela[i],
				       match, &(*calls)[n]);
	}
	return n;
}
