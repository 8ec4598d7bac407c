/*-------------------------------------------------------------------------
 *
 * small_disk.c
 *	  Makes a directory a file system of limited size, for test/t/rollup_full.pl:
 *	  preloaded into the server, it lets writes that make files grow beyond the
 *	  bytes named in SMALL_DISK/limit fail with ENOSPC, as a full disk does.
 *
 * What the server does next is its own.  A real file system of that size would
 * take a mount, and so root.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static off_t used;

static int
add_file(const char *path, const struct stat *about, int type, struct FTW *where)
{
	if (type == FTW_F && strcmp(path + where->base, "limit") != 0)
		used += about->st_size;
	return 0;
}

/* Whether a file of the disk may be as long as that. */
static int
fits(int fd, off_t size)
{
	const char *disk = getenv("SMALL_DISK");
	char		link[64],
				path[PATH_MAX];
	struct stat about;
	ssize_t		length;
	FILE	   *limit;
	long long	bytes = LLONG_MAX;

	if (disk == NULL || fstat(fd, &about) != 0 || !S_ISREG(about.st_mode) || size <= about.st_size)
		return 1;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	if (length < 0 || strncmp(path, disk, strlen(disk)) != 0)
		return 1;
	snprintf(path, sizeof(path), "%s/limit", disk);
	limit = fopen(path, "r");
	if (limit != NULL)
	{
		if (fscanf(limit, "%lld", &bytes) != 1)
			bytes = LLONG_MAX;
		fclose(limit);
	}
	used = size - about.st_size;
	nftw(disk, add_file, 16, FTW_PHYS);
	errno = ENOSPC;
	return used <= bytes;
}

/* The function that this one stands before. */
#define REAL(name)((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

ssize_t
pwrite(int fd, const void *buffer, size_t size, off_t offset)
{
	return fits(fd, offset + size) ? REAL(pwrite)(fd, buffer, size, offset) : -1;
}

ssize_t
pwrite64(int fd, const void *buffer, size_t size, off64_t offset)
{
	return fits(fd, offset + size) ? REAL(pwrite64)(fd, buffer, size, offset) : -1;
}

static off_t
total(const struct iovec *parts, int count)
{
	off_t		size = 0;

	for (int i = 0; i < count; i++)
		size += parts[i].iov_len;
	return size;
}

ssize_t
pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
	return fits(fd, offset + total(parts, count)) ? REAL(pwritev)(fd, parts, count, offset) : -1;
}

ssize_t
pwritev64(int fd, const struct iovec *parts, int count, off64_t offset)
{
	return fits(fd, offset + total(parts, count)) ? REAL(pwritev64)(fd, parts, count, offset) : -1;
}

int
posix_fallocate(int fd, off_t offset, off_t size)
{
	return fits(fd, offset + size) ? REAL(posix_fallocate)(fd, offset, size) : ENOSPC;
}

int
posix_fallocate64(int fd, off64_t offset, off64_t size)
{
	return fits(fd, offset + size) ? REAL(posix_fallocate64)(fd, offset, size) : ENOSPC;
}
