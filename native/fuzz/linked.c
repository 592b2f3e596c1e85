#include "fuzz/linked.h"

#include "fuzz/fuzz.h"
#include "table/table.h"

#include <string.h>
#include <sys/mman.h>

static const struct {
	struct table_header header;
	struct table_link link;
	char name[sizeof LINKED_NAME], path[sizeof LINKED_PATH];
} links = {
	.header = { .links = sizeof links.header, .link_count = 1, .direction = TABLE_TO_HOST },
	.link = { sizeof links.header + sizeof links.link, sizeof links.header + sizeof links.link + sizeof links.name, TABLE_LINK_NAME },
	.name = LINKED_NAME,
	.path = LINKED_PATH,
};

/* A copy, which is unmapped by who asks for it. */
REPLACE(int, table_open, struct table *table, const char *path)
{
	void *copy = mmap(NULL, sizeof links, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	REQUIRE(copy != MAP_FAILED && !strcmp(path, LINKED_TABLE));
	*table = (struct table){ memcpy(copy, &links, sizeof links), sizeof links };
	return 0;
}
