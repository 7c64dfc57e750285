/*
 * pq_call.c
 *		One statement over libpq: sent, waited for, judged.
 */
#include "lib/pq_call.h"

#include <poll.h>
#include <string.h>

#include "lib/server_error.h"
#include "lib/stop.h"

#define CONNECT_SECONDS 15.0

/* libpq's messages end in a line feed and may have several lines. */
static void
trim(char *message)
{
	size_t		len = strlen(message);

	while (len > 0 && (message[len - 1] == '\n' || message[len - 1] == ' '))
		message[--len] = '\0';
	for (char *c = message; *c != '\0'; c++)
	{
		if (*c == '\n')
			*c = ' ';
	}
}

static bool
connection_error(PGconn *conn, FedError *err)
{
	fed_error_set(err, FED_ERR_CONNECTION, "%s", PQerrorMessage(conn));
	if (err != NULL)
		trim(err->message);
	return false;
}

static bool
stopped(FedError *err)
{
	return fed_error_set(err, FED_ERR_STOPPED, "asked to stop");
}

static bool
finish_connecting(PGconn *conn, FedError *err)
{
	double		until = fed_now() + CONNECT_SECONDS;
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	while (status != PGRES_POLLING_OK)
	{
		short		events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
		short		revents = 0;

		if (status == PGRES_POLLING_FAILED)
			return connection_error(conn, err);
		if (!fed_poll(PQsocket(conn), events, until - fed_now(), &revents))
			return stopped(err);
		if (fed_now() >= until)
			return fed_error_set(err, FED_ERR_CONNECTION, "no answer from the server in %.0f s", CONNECT_SECONDS);
		status = PQconnectPoll(conn);
	}
	return true;
}

PGconn *
fed_pq_connect(const char *conninfo, FedError *err)
{
	/*
	 * A peer that died without a word must be noticed within half a minute, not
	 * in the hours that TCP takes; what the string says counts more.
	 */
	const char *keywords[] = {"keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
		"fallback_application_name", "client_encoding", "dbname", NULL};
	const char *values[] = {"15", "5", "3", "30000", "fed", "UTF8", conninfo == NULL ? "" : conninfo, NULL};
	PGconn	   *conn;

	/* An empty dbname would hide PGDATABASE. */
	if (conninfo == NULL || conninfo[0] == '\0')
		keywords[6] = NULL;
	conn = PQconnectStartParams(keywords, values, 1);
	if (conn == NULL)
	{
		fed_error_memory(err);
		return NULL;
	}
	if (PQstatus(conn) == CONNECTION_BAD)
		connection_error(conn, err);
	else if (finish_connecting(conn, err))
		return conn;
	PQfinish(conn);
	return NULL;
}

static void
server_error(PGconn *conn, const PGresult *res, FedError *err)
{
	const char *sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	if (sqlstate == NULL)
		connection_error(conn, err);
	else
		fed_server_error(err, fed_sqlstate_kind(sqlstate), sqlstate, PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY),
						 PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL), PQresultErrorField(res, PG_DIAG_MESSAGE_HINT));
}

/* Wait for the next result; NULL without an error when there is none left. */
static bool
next_result(PGconn *conn, PGresult **res, FedError *err)
{
	while (PQisBusy(conn))
	{
		short		revents;

		if (!fed_poll(PQsocket(conn), POLLIN, 3600.0, &revents))
			return stopped(err);
		if (!PQconsumeInput(conn))
			return connection_error(conn, err);
	}
	*res = PQgetResult(conn);
	return true;
}

PGresult *
fed_pq_collect(PGconn *conn, FedError *err)
{
	PGresult   *res = NULL;

	if (!next_result(conn, &res, err))
		return NULL;
	fed_pq_end_rows(conn);
	if (PQresultStatus(res) == PGRES_TUPLES_OK)
		return res;
	server_error(conn, res, err);
	PQclear(res);
	return NULL;
}

bool
fed_pq_send(PGconn *conn, const char *sql, bool binary, int n, const FedPqParam *params, FedError *err)
{
	const char *values[FED_PQ_MAX_PARAMS];
	int			lengths[FED_PQ_MAX_PARAMS];
	int			formats[FED_PQ_MAX_PARAMS];

	for (int i = 0; i < n; i++)
	{
		values[i] = params[i].value;
		lengths[i] = (int) params[i].len;
		formats[i] = params[i].binary ? 1 : 0;
	}
	return PQsendQueryParams(conn, sql, n, NULL, values, lengths, formats, binary ? 1 : 0) || connection_error(conn, err);
}

PGresult *
fed_pq_call(PGconn *conn, const char *sql, bool binary, int n, const FedPqParam *params, FedError *err)
{
	return fed_pq_send(conn, sql, binary, n, params, err) ? fed_pq_collect(conn, err) : NULL;
}

bool
fed_pq_begin_rows(PGconn *conn, const char *sql, int n, const FedPqParam *params, FedError *err)
{
	return fed_pq_send(conn, sql, true, n, params, err) && (PQsetSingleRowMode(conn) || connection_error(conn, err));
}

PGresult *
fed_pq_next_row(PGconn *conn, FedError *err)
{
	PGresult   *res;

	if (!next_result(conn, &res, err))
		return NULL;
	if (PQresultStatus(res) == PGRES_SINGLE_TUPLE)
		return res;
	if (PQresultStatus(res) == PGRES_TUPLES_OK)
		fed_error_set(err, FED_ERR_PROTOCOL, "the server sent fewer rows than it was asked for");
	else
		server_error(conn, res, err);
	PQclear(res);
	fed_pq_end_rows(conn);
	return NULL;
}

void
fed_pq_end_rows(PGconn *conn)
{
	PGresult   *res;

	while (next_result(conn, &res, NULL) && res != NULL)
		PQclear(res);
}
