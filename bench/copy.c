/*
 * copy.c
 *		COPY over libpq: what uploads and downloads are compared with.
 *
 *	copy in TABLE VECTOR FILE	sends FILE as the page rows of a vector, in binary, as one statement
 *	copy out QUERY [PATH]		takes all rows in binary, into a durable file if there is a path
 *
 * The server and the role are libpq's environment. Both print the seconds that
 * they took, connected and with what is sent in memory before.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAGE_BYTES 8064			/* pages/layout.h */
#define ROW_BYTES (2 + 4 + 8 + 4 + 4 + 4 + PAGE_BYTES)
#define MESSAGE_BYTES 65536

static const char signature[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";

#define SIGNATURE_BYTES 19

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

static void
fail(const char *what, const char *why)
{
	fprintf(stderr, "copy: %s: %s\n", what, why);
	exit(1);
}

static void
expect(PGconn *conn, PGresult *res, ExecStatusType status)
{
	if (PQresultStatus(res) != status)
		fail("server", PQerrorMessage(conn));
	PQclear(res);
}

static void
put32(char **out, uint32_t value)
{
	value = htonl(value);
	memcpy(*out, &value, 4);
	*out += 4;
}

static void
put_row(char **out, uint32_t vector, uint32_t page, FILE *file)
{
	memcpy(*out, "\0\3", 2);
	*out += 2;
	put32(out, 8);
	put32(out, 0);
	put32(out, vector);
	put32(out, 4);
	put32(out, page);
	put32(out, PAGE_BYTES);
	memset(*out, 0, PAGE_BYTES);
	if (fread(*out, 1, PAGE_BYTES, file) == 0)
		fail("file", "it became shorter");
	*out += PAGE_BYTES;
}

/* The whole of what goes over the wire; *bytes is its length. */
static char *
make_stream(uint32_t vector, const char *path, size_t *bytes)
{
	FILE	   *file = fopen(path, "rb");
	long		length;
	uint32_t	pages;
	char	   *stream;
	char	   *at;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (length = ftell(file)) < 0)
		fail(path, "cannot be read");
	rewind(file);
	pages = (uint32_t) ((length + PAGE_BYTES - 1) / PAGE_BYTES);
	at = stream = malloc(SIGNATURE_BYTES + (size_t) pages * ROW_BYTES + 2);
	if (stream == NULL)
		fail(path, "out of memory");
	memcpy(at, signature, SIGNATURE_BYTES);
	at += SIGNATURE_BYTES;
	for (uint32_t page = 0; page < pages; page++)
		put_row(&at, vector, page, file);
	memcpy(at, "\377\377", 2);
	*bytes = (size_t) (at + 2 - stream);
	fclose(file);
	return stream;
}

static void
copy_in(PGconn *conn, const char *table, const char *vector, const char *path)
{
	char		sql[256];
	size_t		bytes;
	char	   *stream = make_stream((uint32_t) strtoul(vector, NULL, 10), path, &bytes);
	double		began = now();

	snprintf(sql, sizeof(sql), "COPY %s FROM STDIN (FORMAT binary)", table);
	expect(conn, PQexec(conn, sql), PGRES_COPY_IN);
	for (size_t at = 0; at < bytes; at += MESSAGE_BYTES)
		if (PQputCopyData(conn, stream + at, (int) (bytes - at < MESSAGE_BYTES ? bytes - at : MESSAGE_BYTES)) != 1)
			fail("server", PQerrorMessage(conn));
	if (PQputCopyEnd(conn, NULL) != 1)
		fail("server", PQerrorMessage(conn));
	expect(conn, PQgetResult(conn), PGRES_COMMAND_OK);
	printf("%.6f\n", now() - began);
	free(stream);
}

static void
write_all(int fd, const char *data, int len, const char *path)
{
	while (len > 0)
	{
		ssize_t		n = write(fd, data, (size_t) len);

		if (n <= 0)
			fail(path, "cannot be written");
		data += n;
		len -= (int) n;
	}
}

static void
copy_out(PGconn *conn, const char *query, const char *path)
{
	char		sql[512];
	char	   *row;
	int			len;
	int			fd = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	double		began = now();

	if (path != NULL && fd < 0)
		fail(path, "cannot be created");
	snprintf(sql, sizeof(sql), "COPY (%s) TO STDOUT (FORMAT binary)", query);
	expect(conn, PQexec(conn, sql), PGRES_COPY_OUT);
	while ((len = PQgetCopyData(conn, &row, 0)) > 0)
	{
		if (fd >= 0)
			write_all(fd, row, len, path);
		PQfreemem(row);
	}
	expect(conn, PQgetResult(conn), PGRES_COMMAND_OK);
	if (fd >= 0 && (fsync(fd) != 0 || close(fd) != 0))
		fail(path, "cannot be synced");
	printf("%.6f\n", now() - began);
}

int
main(int argc, char **argv)
{
	PGconn	   *conn = PQconnectdb("");

	if (PQstatus(conn) != CONNECTION_OK)
		fail("server", PQerrorMessage(conn));
	if (argc == 5 && strcmp(argv[1], "in") == 0)
		copy_in(conn, argv[2], argv[3], argv[4]);
	else if ((argc == 3 || argc == 4) && strcmp(argv[1], "out") == 0)
		copy_out(conn, argv[2], argc == 4 ? argv[3] : NULL);
	else
		fail("usage", "in TABLE VECTOR FILE, or out QUERY [PATH]");
	PQfinish(conn);
	return 0;
}
