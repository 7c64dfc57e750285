/*
 * settings.h
 *		The federated.* configuration parameters.
 */
#ifndef FED_BASE_SETTINGS_H
#define FED_BASE_SETTINGS_H

typedef enum FedUpdateDurability
{
	FED_UPDATES_LOGGED,
	FED_UPDATES_UNLOGGED,
} FedUpdateDurability;

extern int	fed_setting_aggregation_chunk;	/* slices per transaction */
extern int	fed_setting_aggregator_workers;	/* 0 = choose */
extern int	fed_setting_credit_limit;		/* credits, -1 = unlimited */
extern char *fed_setting_databases;			/* comma-separated, "" = find them */
extern bool fed_setting_failover_keeps_books;	/* nothing committed is ever lost */
extern char *fed_setting_dp_test_seed;		/* "" = noise from the operating system */
extern int	fed_setting_island_timeout;		/* seconds */
extern int	fed_setting_max_storage;		/* MB, 0 = unlimited */
extern int	fed_setting_request_timeout;	/* seconds, 0 = unlimited */
extern char *fed_setting_tablespace;		/* "" = the database's default */
extern int	fed_setting_update_durability;	/* FedUpdateDurability */
extern PGDLLEXPORT bool fed_setting_webhook_allow_http;
extern PGDLLEXPORT bool fed_setting_webhook_allow_private;
extern PGDLLEXPORT char *fed_setting_webhook_ca_file;	/* "" = the system's */
extern PGDLLEXPORT int	fed_setting_webhook_connections;
extern int	fed_setting_webhook_limit;		/* subscriptions per owner */
extern int	fed_setting_webhook_max_attempts;
extern int	fed_setting_webhook_receiver_connections;
extern int	fed_setting_webhook_retention;	/* seconds */
extern int	fed_setting_webhook_retry_delay;	/* ms */
extern PGDLLEXPORT int	fed_setting_webhook_timeout;	/* ms */
extern PGDLLEXPORT bool fed_setting_webhooks;			/* send */
extern bool fed_setting_worker;				/* drive sessions automatically */
extern int	fed_setting_worker_interval;	/* ms */

extern void fed_settings_define(void);

#endif							/* FED_BASE_SETTINGS_H */
